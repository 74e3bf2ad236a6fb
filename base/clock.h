#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace sonde::base {

// Nanoseconds of CLOCK_MONOTONIC: the clock of bpf_ktime_get_ns(), for every duration and deadline.
uint64_t MonotonicNs();

// Nanoseconds since the Unix epoch, for what people read and for window starts. May step.
int64_t WallNs();

// Nanoseconds of CLOCK_BOOTTIME: the clock of task start times.
uint64_t BootNs();

// Next multiple of `period` on the wall clock after `now` (both since the Unix epoch, UTC).
// REQUIRES: period > 0.
absl::Time NextBoundary(absl::Time now, absl::Duration period);

}  // namespace sonde::base
