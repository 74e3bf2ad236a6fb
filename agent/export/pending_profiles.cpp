#include "agent/export/pending_profiles.h"

#include <utility>

namespace sonde::exporting {

bool PendingProfiles::IsOverFull() const { return profiles_.size() > max_items_ || bytes_ > max_bytes_; }

ProfilePtr PendingProfiles::RemoveAt(size_t index) {
  ProfilePtr removed = std::move(profiles_[index]);
  profiles_.erase(profiles_.begin() + static_cast<std::ptrdiff_t>(index));
  bytes_ -= removed->pprof_gz.size();
  return removed;
}

std::vector<ProfilePtr> PendingProfiles::Push(ProfilePtr profile) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return {std::move(profile)};
  bytes_ += profile->pprof_gz.size();
  profiles_.push_back(std::move(profile));
  std::vector<ProfilePtr> pushed_out;
  while (IsOverFull() && profiles_.size() > pinned_ + 1) pushed_out.push_back(RemoveAt(pinned_));
  return pushed_out;
}

ProfilePtr PendingProfiles::PinNext(absl::Time deadline) { return PinMore(deadline); }

ProfilePtr PendingProfiles::PinMore(absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  auto ready = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || profiles_.size() > pinned_; };
  mutex_.AwaitWithDeadline(absl::Condition(&ready), deadline);
  return profiles_.size() > pinned_ ? profiles_[pinned_++] : nullptr;
}

void PendingProfiles::UnpinLast() {
  absl::MutexLock lock(&mutex_);
  --pinned_;
}

void PendingProfiles::Unpin() {
  absl::MutexLock lock(&mutex_);
  pinned_ = 0;
}

void PendingProfiles::RemovePinned(size_t place) {
  absl::MutexLock lock(&mutex_);
  --pinned_;
  RemoveAt(place);
}

void PendingProfiles::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

size_t PendingProfiles::Abandon() {
  absl::MutexLock lock(&mutex_);
  const size_t left = profiles_.size();
  profiles_.clear();
  bytes_ = 0;
  return left;
}

size_t PendingProfiles::Size() const {
  absl::MutexLock lock(&mutex_);
  return profiles_.size();
}

size_t PendingProfiles::Bytes() const {
  absl::MutexLock lock(&mutex_);
  return bytes_;
}

}  // namespace sonde::exporting
