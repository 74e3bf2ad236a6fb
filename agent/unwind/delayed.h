#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace sonde::unwind {

// Keeps what walks may still read until none that began before can be under way. Not thread-safe.
template <typename T>
class Delayed {
 public:
  // Walks take microseconds; a host that stalls a program for longer than this has no walks to speak of.
  static constexpr uint64_t kDelayNs = 1'000'000'000;

  void Put(uint64_t now_ns, T item) { items_.emplace_back(now_ns + kDelayNs, std::move(item)); }

  // Hands over what has waited for long enough.
  template <typename Visit>
  void TakeDue(uint64_t now_ns, Visit visit) {
    for (; !items_.empty() && items_.front().first <= now_ns; items_.pop_front()) visit(items_.front().second);
  }

  size_t Size() const { return items_.size(); }

 private:
  std::deque<std::pair<uint64_t, T>> items_;
};

}  // namespace sonde::unwind
