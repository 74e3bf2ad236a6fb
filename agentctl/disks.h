#pragma once

#include <string>

#include "agentctl/measuring_options.h"

namespace sonde::agentctl {

// Prints how each disk did, then who asked it for what: latencies, and the stack that asked.
int RunDisks(const std::string& socket, const MeasuringOptions& options);

}  // namespace sonde::agentctl
