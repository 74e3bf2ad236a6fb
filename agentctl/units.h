#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "profile/units.h"

namespace sonde::agentctl {

using profile::HumanBytes;
using profile::HumanCount;
using profile::HumanDuration;
using profile::Percent;

// "10s", "1m30s": more than 0 and at most 10 minutes. kInvalidArgument says what would be right.
absl::StatusOr<absl::Duration> ParseInterval(const std::string& text);

}  // namespace sonde::agentctl
