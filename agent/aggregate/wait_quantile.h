#pragma once

#include <cstdint>

#include "agent/model/slice.h"

namespace sonde::aggregate {

// About how long a wait is that is longer than a share `q` (0 to 1) of those that ended; exact to a factor of 2, never
// more than the longest. 0 when none ended.
uint64_t QuantileNs(const model::WaitLengths& lengths, double q);

void Add(const model::WaitLengths& more, model::WaitLengths* sum);

}  // namespace sonde::aggregate
