#pragma once

#include <cstdint>
#include <string>

namespace sonde::agentctl {

struct ExplainOptions {
  uint32_t pid = 0;
  bool json = false;
};

// Prints how stacks are followed through each file that a process runs code of, where its names come from, and what to
// install for better ones.
int RunExplain(const std::string& socket, const ExplainOptions& options);

}  // namespace sonde::agentctl
