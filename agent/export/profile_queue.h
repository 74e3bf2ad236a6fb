#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "profile/encoded_profile.h"

namespace sonde::exporting {

using ProfilePtr = std::shared_ptr<const profile::EncodedProfile>;

// What waits for one target, as its sender sees it: in memory (PendingProfiles) or on disk (Spool). The sender pins one
// while a push of it is under way, so that a profile is never both sent and counted as dropped. Thread-safe for one
// sender beside whoever fills it.
class ProfileQueue {
 public:
  virtual ~ProfileQueue() = default;

  // Waits until `deadline` for a profile and pins the one that is next. Null on time-out, and at once when closed and
  // empty. REQUIRES: nothing is pinned.
  virtual ProfilePtr PinNext(absl::Time deadline) = 0;
  // The push failed for now: the pinned profile waits on, or is pushed out.
  virtual void Unpin() = 0;
  // The pinned profile is settled, sent or given up.
  virtual void RemovePinned() = 0;

  // Takes no more; what waits can still be sent.
  virtual void Close() = 0;
  // The sender has stopped. Returns how many profiles are lost by that: those that nobody will send after the next
  // start. REQUIRES: nothing is pinned.
  virtual size_t Abandon() = 0;

  virtual size_t Size() const = 0;
  virtual size_t Bytes() const = 0;
  // Pushed out of the queue and counted as lost by the queue itself.
  virtual uint64_t Dropped() const = 0;
};

}  // namespace sonde::exporting
