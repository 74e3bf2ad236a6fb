#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "agent/control/config.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::app {

// What agentctl doctor asks of the agent: whether this process would work here, or goes on to, and whether its targets
// take what it sends. `loaded` are the settings as their file has them now, or why they cannot be read; `in_force`
// those of a running agent, else null. Tries all targets at once: some seconds when one does not answer. Thread-safe.
control::v1::CheckReply CheckUp(const absl::StatusOr<control::Config>& loaded, const control::Config* in_force,
                                const std::string& version);

// The same for an agent that does not run. Call before any thread starts.
std::string CheckUpAsJson(const absl::StatusOr<control::Config>& loaded, const std::string& version);

}  // namespace sonde::app
