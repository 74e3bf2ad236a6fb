#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace sonde::kernel {

// Opens the clock that samples one CPU, `hz` times a second at a fixed period (frequency mode oversamples wake-ups).
// A software clock: it is there on every machine, virtual ones included, and does not run in NMI.
// kPermissionDenied names CAP_PERFMON, kUnimplemented says that the kernel has no perf events, kNotFound that the CPU
// is offline.
absl::StatusOr<base::UniqueFd> OpenCpuClock(int cpu, uint32_t hz);

// Opens the record of what processes do on one CPU: executable mappings, exec, fork and exit, each with process, thread
// and monotonic time behind it. Readable as soon as there is a record. Errors as above.
absl::StatusOr<base::UniqueFd> OpenProcessRecord(int cpu);

}  // namespace sonde::kernel
