#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sonde::base {

// Joins two stages: bounded by count and by bytes, and full means a refused push, never a wait.
// Thread-safe; any number of producers and consumers. The producer counts what was refused.
template <typename T>
class BoundedQueue {
 public:
  // REQUIRES: max_items > 0 and max_bytes > 0.
  BoundedQueue(size_t max_items, size_t max_bytes) : max_items_(max_items), max_bytes_(max_bytes) {}

  // Takes `item`, which weighs `bytes`, or returns false when the queue is full or closed. An item heavier than
  // the whole bound is still taken by an empty queue, so that nothing is refused for ever.
  bool TryPush(T item, size_t bytes) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (closed_ || items_.size() >= max_items_ || (!items_.empty() && bytes_ + bytes > max_bytes_)) return false;
    bytes_ += bytes;
    items_.emplace_back(std::move(item), bytes);
    return true;
  }

  // Waits for an item for at most `timeout`. Empty on time-out, and once the queue is closed and drained.
  std::optional<T> Pop(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    auto ready = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || !items_.empty(); };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&ready), timeout) || items_.empty()) return std::nullopt;
    auto [item, bytes] = std::move(items_.front());
    items_.pop_front();
    bytes_ -= bytes;
    return std::move(item);
  }

  // Refuses every later push; what is queued can still be popped.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

  bool IsClosed() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return closed_;
  }
  size_t Size() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return items_.size();
  }
  size_t Bytes() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return bytes_;
  }

 private:
  const size_t max_items_;
  const size_t max_bytes_;
  mutable absl::Mutex mutex_;
  std::deque<std::pair<T, size_t>> items_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sonde::base
