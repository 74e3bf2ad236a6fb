#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "profile/pprof_builder.h"

namespace sonde::profile {

// Sums profiles of one kind: equal stacks with equal labels become one sample. time_nanos is the earliest,
// duration_nanos the span from the earliest start to the latest end, comments are kept once.
// kInvalidArgument when sample types or period types differ. REQUIRES: each profile passed Check().
// `extra` holds labels to put on every sample of the profile of the same index (may be shorter or empty).
absl::StatusOr<Pprof> Merge(const std::vector<Pprof>& profiles, const std::vector<Labels>& extra = {});

}  // namespace sonde::profile
