#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace sonde::agentctl {

struct PeersOptions {
  uint32_t pid = 0;  // 0 = every process
  absl::Duration duration = absl::Seconds(10);
  bool idle = false;   // waits for work too
  uint32_t limit = 0;  // 0 = 20
  bool whole_stacks = false;
  bool json = false;
};

// Prints whom threads waited for over sockets, how long, and what happened to the connections.
int RunPeers(const std::string& socket, const PeersOptions& options);

}  // namespace sonde::agentctl
