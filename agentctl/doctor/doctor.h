#pragma once

#include <string>

namespace sonde::agentctl {

struct DoctorOptions {
  std::string config;  // settings to look at; empty: the running agent's, else those of the package, if they are there
  bool json = false;
};

// Prints whether the agent has what it needs on this host and reaches its targets, and what to do where not. Works
// without the agent. Exit code 0 nothing failed, 1 something did.
int RunDoctor(const std::string& socket, const DoctorOptions& options);

}  // namespace sonde::agentctl
