#pragma once

#include <cstdint>
#include <map>

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

using EventsByCpu = std::map<int, base::UniqueFd>;

struct PerfEvents {
  EventsByCpu clocks;
  EventsByCpu process_records;
};

// Both of every CPU that is online: for whoever gives up a right then without which kernels open none. Where
// kernel.perf_event_paranoid is above 2, as Debian and Ubuntu have it, CAP_PERFMON does not suffice; CAP_SYS_ADMIN
// does. Errors as above, without kNotFound.
absl::StatusOr<PerfEvents> OpenPerfEvents(uint32_t hz);

}  // namespace sonde::kernel
