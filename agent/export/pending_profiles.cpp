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
  const size_t oldest_free = pinned_ ? 1 : 0;
  while (IsOverFull() && profiles_.size() > oldest_free + 1) pushed_out.push_back(RemoveAt(oldest_free));
  return pushed_out;
}

ProfilePtr PendingProfiles::PinNext(absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  auto ready = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || !profiles_.empty(); };
  if (!mutex_.AwaitWithDeadline(absl::Condition(&ready), deadline) || profiles_.empty()) return nullptr;
  pinned_ = true;
  return profiles_.front();
}

void PendingProfiles::Unpin() {
  absl::MutexLock lock(&mutex_);
  pinned_ = false;
}

void PendingProfiles::RemovePinned() {
  absl::MutexLock lock(&mutex_);
  pinned_ = false;
  RemoveAt(0);
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
