#pragma once

#include <string>

namespace sonde::agentctl {

struct ConfigOptions {
  std::string what = "show";  // show or check
  std::string file;           // of settings; empty: the running agent's own, else /etc/sonde/agent.yaml
  bool json = false;
};

// Shows the settings with where each comes from, or says whether the agent could use a file. Exit code 1 when it could
// not.
int RunConfig(const std::string& socket, const ConfigOptions& options);

}  // namespace sonde::agentctl
