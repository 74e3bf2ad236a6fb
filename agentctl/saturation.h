#pragma once

#include <string>

#include "agentctl/measuring_options.h"

namespace sonde::agentctl {

// Prints whether the host has too little CPU, memory or I/O, and where: a verdict in words, then CPUs, groups, quotas
// and pressure.
int RunSaturation(const std::string& socket, const MeasuringOptions& options);

}  // namespace sonde::agentctl
