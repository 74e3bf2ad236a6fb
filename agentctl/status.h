#pragma once

#include <string>

namespace sonde::agentctl {

struct StatusOptions {
  bool json = false;
};

// Prints whether the agent at `socket` is well and why. Exit code 0 OK, 1 degraded, 3 not running, 4 not reachable.
int RunStatus(const std::string& socket, const StatusOptions& options);

}  // namespace sonde::agentctl
