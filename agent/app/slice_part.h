#pragma once

#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "agent/model/slice.h"

namespace sonde::app {

// What the slice has of these processes: times, samples and faults, with their stacks. What is looked at on request
// only is not in it.
model::Slice PartOf(const model::Slice& slice, const absl::flat_hash_set<uint32_t>& tgids);

}  // namespace sonde::app
