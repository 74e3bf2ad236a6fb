#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>

#include "agent/export/pending_profiles.h"
#include "agent/export/protocol.h"

namespace sonde::exporting {

// Bytes of the pprof that `pprof_gz` is, without unpacking it.
size_t PlainBytes(std::string_view pprof_gz);

// One profile in pieces that its target takes, which are pushed and settled one after the other. The same profile is
// cut the same way again, so that the parts of a resend are the same bytes. Of one thread.
class ProfileParts {
 public:
  // Cuts `whole` in halves until each is within `limits`, or is a single sample. What is no pprof stays whole.
  ProfileParts(ProfilePtr whole, const std::optional<PushLimits>& limits);

  // Whether these are the parts of `profile`.
  bool AreOf(const profile::EncodedProfile& profile) const;
  bool AreSettled() const { return parts_.empty(); }

  // The part to push next. REQUIRES: !AreSettled().
  const ProfilePtr& Current() const { return parts_.front(); }
  // The current one is stored or given up.
  void SettleCurrent() { parts_.pop_front(); }
  // Cuts the current one in two, further than the limits ask for. False when that cannot be.
  bool HalveCurrent();

 private:
  ProfilePtr whole_;
  std::deque<ProfilePtr> parts_;
};

}  // namespace sonde::exporting
