#pragma once

#include "absl/status/statusor.h"
#include "profile/pprof_builder.h"
#include "profile/selector.h"

namespace sonde::profile {

// The samples of `profile` whose string labels `selector` matches, and of the rest of it only what these need: names of
// others are not in it. It may have no sample at all. REQUIRES: `profile` passed Check().
absl::StatusOr<Pprof> SamplesThatMatch(Pprof profile, const Selector& selector);

}  // namespace sonde::profile
