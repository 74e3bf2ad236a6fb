#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "profile/encoded_profile.h"

namespace sonde::exporting {

using ProfilePtr = std::shared_ptr<const profile::EncodedProfile>;

// What waits for one target, as its sender sees it: in memory (PendingProfiles) or on disk (Spool). The sender pins
// what it pushes while the push is under way, so that a profile is never both sent and counted as dropped. Thread-safe
// for one sender beside whoever fills it.
class ProfileQueue {
 public:
  virtual ~ProfileQueue() = default;

  // Waits until `deadline` for a profile and pins the one that is next. Null on time-out, and at once when closed and
  // empty. REQUIRES: nothing is pinned.
  virtual ProfilePtr PinNext(absl::Time deadline) = 0;
  // Waits until `deadline` for the one that follows those that are pinned, and pins it, too. Null as above, and where
  // only older ones can follow, when there are none. REQUIRES: something is pinned.
  virtual ProfilePtr PinMore(absl::Time deadline) = 0;
  // What was pinned last is not pushed now: it waits on as if it had never been pinned.
  virtual void UnpinLast() = 0;
  // The push failed for now: what is pinned waits on, or is pushed out.
  virtual void Unpin() = 0;
  // The pinned one at `place`, counted from 0 in the order of pinning, is settled, sent or given up. Those behind it
  // move up.
  virtual void RemovePinned(size_t place) = 0;

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
