#pragma once

#include <string>

#include "agentctl/measuring_options.h"

namespace sonde::agentctl {

// Prints the locks that threads waited for, how long, who held them, and where.
int RunLocks(const std::string& socket, const WaitingOptions& options);

}  // namespace sonde::agentctl
