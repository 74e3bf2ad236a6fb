#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace sonde::agentctl {

struct AccountOptions {
  uint32_t pid = 0;                                // 0 = every process
  absl::Duration duration = absl::ZeroDuration();  // 0 = the last whole window
  std::string sort = "wall";                       // wall, cpu, runq or blocked
  std::optional<size_t> limit;                     // processes; 0 = all; unset = 30 in a table, all in JSON
  bool json = false;
};

// Prints where the wall time of each process went.
int RunAccount(const std::string& socket, const AccountOptions& options);

}  // namespace sonde::agentctl
