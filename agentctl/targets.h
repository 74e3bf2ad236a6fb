#pragma once

#include <cstdint>
#include <string>

namespace sonde::agentctl {

struct TargetsOptions {
  uint32_t pid = 0;     // 0 = every process
  std::string service;  // empty = every service
  uint32_t limit = 100;
  bool json = false;
};

// Prints which processes there are, grouped by their labels, and which series their samples go to: what relabelling
// made of the labels, or which rule drops them.
int RunTargets(const std::string& socket, const TargetsOptions& options);

}  // namespace sonde::agentctl
