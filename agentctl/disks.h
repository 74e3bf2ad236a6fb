#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace sonde::agentctl {

struct DisksOptions {
  uint32_t pid = 0;  // 0 = every process
  absl::Duration duration = absl::Seconds(10);
  uint32_t limit = 0;  // 0 = 20
  bool whole_stacks = false;
  bool json = false;
};

// Prints how each disk did, then who asked it for what: latencies, and the stack that asked.
int RunDisks(const std::string& socket, const DisksOptions& options);

}  // namespace sonde::agentctl
