#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace sonde::agentctl {

struct LocksOptions {
  uint32_t pid = 0;  // 0 = every process
  absl::Duration duration = absl::Seconds(10);
  bool idle = false;   // waits for work too
  uint32_t limit = 0;  // 0 = 20
  bool whole_stacks = false;
  bool json = false;
};

// Prints the locks that threads waited for, how long, who held them, and where.
int RunLocks(const std::string& socket, const LocksOptions& options);

}  // namespace sonde::agentctl
