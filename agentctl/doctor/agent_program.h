#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sonde::agentctl {

// sonde-agent as it is installed with this agentctl: beside it, or in sbin beside its folder; else by that name, as
// PATH has it.
std::string AgentProgram();

// What `program` writes to stdout until it ends with exit code 0; its stderr goes to ours. It is killed after
// `patience` and on an interrupt (kDeadlineExceeded, kCancelled). Errors name the program.
absl::StatusOr<std::string> OutputOf(const std::string& program, const std::vector<std::string>& arguments,
                                     absl::Duration patience);

}  // namespace sonde::agentctl
