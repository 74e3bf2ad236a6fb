#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/export/profile_queue.h"
#include "profile/encoded_profile.h"

namespace sonde::exporting {

// Profiles that wait for their target, oldest first, bounded by count and bytes: the newest always gets in and pushes
// the oldest out. The sender pins the oldest ones while a push of them is under way, so that a profile is never both
// sent and counted as dropped. Thread-safe for any number of pushers and one sender.
class PendingProfiles : public ProfileQueue {
 public:
  // REQUIRES: max_items > 0 and max_bytes > 0. One profile heavier than max_bytes is still taken, alone.
  PendingProfiles(size_t max_items, size_t max_bytes) : max_items_(max_items), max_bytes_(max_bytes) {}

  // Takes `profile` and returns those it pushed out, oldest first. Once closed it returns `profile` itself.
  std::vector<ProfilePtr> Push(ProfilePtr profile) ABSL_LOCKS_EXCLUDED(mutex_);

  // The oldest, which stays in its place.
  ProfilePtr PinNext(absl::Time deadline) override ABSL_LOCKS_EXCLUDED(mutex_);
  ProfilePtr PinMore(absl::Time deadline) override ABSL_LOCKS_EXCLUDED(mutex_);
  void UnpinLast() override ABSL_LOCKS_EXCLUDED(mutex_);
  void Unpin() override ABSL_LOCKS_EXCLUDED(mutex_);
  void RemovePinned(size_t place) override ABSL_LOCKS_EXCLUDED(mutex_);
  void Close() override ABSL_LOCKS_EXCLUDED(mutex_);
  // Empties the queue: all that was in it.
  size_t Abandon() override ABSL_LOCKS_EXCLUDED(mutex_);
  size_t Size() const override ABSL_LOCKS_EXCLUDED(mutex_);
  size_t Bytes() const override ABSL_LOCKS_EXCLUDED(mutex_);
  // None: who pushes counts what Push() returns.
  uint64_t Dropped() const override { return 0; }

 private:
  bool IsOverFull() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ProfilePtr RemoveAt(size_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_items_;
  const size_t max_bytes_;
  mutable absl::Mutex mutex_;
  std::deque<ProfilePtr> profiles_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t pinned_ ABSL_GUARDED_BY(mutex_) = 0;  // so many of the oldest
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sonde::exporting
