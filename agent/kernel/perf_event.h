#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace sonde::kernel {

// Opens the clock that samples one CPU, `hz` times a second at a fixed period (frequency mode oversamples wake-ups).
// A software clock: it is there on every machine, virtual ones included, and does not run in NMI.
// kPermissionDenied names CAP_PERFMON, kUnimplemented says that the kernel has no perf events.
absl::StatusOr<base::UniqueFd> OpenCpuClock(int cpu, uint32_t hz);

}  // namespace sonde::kernel
