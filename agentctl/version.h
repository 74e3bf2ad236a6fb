#pragma once

#include <string>

namespace sonde::agentctl {

// Prints agentctl's version, and the agent's when it can be asked. Exit code 0 either way.
int RunVersion(const std::string& socket, bool json);

}  // namespace sonde::agentctl
