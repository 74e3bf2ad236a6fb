#pragma once

#include <array>
#include <optional>

#include "profile/pprof_builder.h"

namespace sonde::profile {

// Cuts `profile` in two by its samples, in their order: each goes whole into one half, so that all sums over both are
// the profile's own. Each half is a whole profile: same types, times and mappings, and the names and places that its
// samples need, with ids dense from 1. Comments stay with the first. Null when there are fewer than two samples.
// REQUIRES: `profile` passed Check().
std::optional<std::array<Pprof, 2>> Halve(const Pprof& profile);

}  // namespace sonde::profile
