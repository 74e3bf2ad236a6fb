#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "agent/model/executable_file.h"

namespace sonde::process {

// What /proc/PID/status tells of who a process is to itself and to files.
struct ProcessIds {
  uint32_t innermost_pid = 0;  // in the pid namespace that it sees
  uint32_t effective_uid = 0;
};
// kInvalidArgument when the text is none of a status.
absl::StatusOr<ProcessIds> ParseIds(std::string_view status);

// The map of JIT code that the process whose /proc folder is open as `process_fd` keeps for perf(1), as a file of kind
// kJit: /tmp/perf-PID.map by its own names for both. Anybody may write to that folder, so the file must be a plain one
// (no link, no FIFO), have one name, belong to the process's user or root, and be writable by its owner alone.
// kNotFound: there is none; kPermissionDenied, kFailedPrecondition: it is none of these. The texts begin with its path.
absl::StatusOr<model::ExecutableFilePtr> OpenPerfMap(int process_fd);

}  // namespace sonde::process
