#include <utility>

#include "agent/capture/capture.h"

namespace sonde::capture {

absl::Status Capture::Follow(const absl::flat_hash_set<uint32_t>& commands) {
  absl::Status status;
  for (const uint32_t command : commands) {
    if (!commands_.contains(command)) status.Update(sched_->Follow(command));
  }
  for (const uint32_t command : commands_) {
    if (!commands.contains(command)) status.Update(sched_->Unfollow(command));
  }
  commands_ = commands;
  return status;
}

// One that was followed when the slice began, and is not in it, had ended before that.
absl::StatusOr<FollowedCommands> Capture::Followed(const model::Slice& last) {
  FollowedCommands found;
  if (commands_.empty()) return found;
  absl::flat_hash_set<uint32_t> ended, all;
  absl::Status status = sched_->VisitFollowed([&](const uint32_t& tgid, const uint32_t& command) {
    const bool has_ended = followed_lately_.contains(tgid) && !last.processes.contains(tgid);
    if (has_ended) {
      ended.insert(tgid);
    } else {
      found[command].insert(tgid);
      all.insert(tgid);
    }
  });
  for (const uint32_t tgid : ended) status.Update(sched_->Forget(tgid));
  followed_lately_ = std::move(all);
  if (!status.ok()) return status;
  return found;
}

}  // namespace sonde::capture
