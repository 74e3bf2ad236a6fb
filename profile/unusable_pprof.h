#pragma once

#include <string>

#include "absl/status/status.h"

namespace sonde::profile {

// kInvalidArgument, for bytes or a profile that are none for this reason.
inline absl::Status UnusablePprof(const std::string& reason) {
  return absl::InvalidArgumentError("not a usable pprof: " + reason);
}

}  // namespace sonde::profile
