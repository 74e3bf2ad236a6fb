#pragma once

#include <cstdint>
#include <string>
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

// A file that names the code that a process made, as a file of kind kJit.
struct MadeCodeFile {
  std::string path;  // as the process names it
  model::ExecutableFilePtr file;
};

// What the process whose /proc folder is open as `process_fd` keeps for perf(1): /tmp/perf-PID.map, or else the jitdump
// jit-PID.dump that it has mapped as code to say where it is; both below its own root and by its own pid. Anybody may
// write to such folders, so the file must be a plain one (no link, no FIFO), have one name, belong to the process's
// user or root, and be writable by its owner alone. kNotFound: there is none; kPermissionDenied, kFailedPrecondition:
// it is none of these. The texts begin with its path.
absl::StatusOr<MadeCodeFile> OpenMadeCodeFile(int process_fd);

}  // namespace sonde::process
