#pragma once

#include <string>

#include "agentctl/measuring_options.h"

namespace sonde::agentctl {

// Prints whom threads waited for over sockets, how long, and what happened to the connections.
int RunPeers(const std::string& socket, const WaitingOptions& options);

}  // namespace sonde::agentctl
