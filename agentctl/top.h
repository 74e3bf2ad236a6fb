#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace sonde::agentctl {

struct TopOptions {
  std::string kind = "cpu";  // cpu, offcpu, wall or faults
  uint32_t pid = 0;          // 0 = every process
  absl::Duration interval = absl::Seconds(2);
  uint32_t limit = 0;  // rows; 0 = what fits on the terminal, 20 in a pipe
  bool once = false;
  bool json = false;  // one document per interval
};

// Shows the heaviest functions, interval by interval, until `q` (exit 0) or Ctrl-C (exit 130).
int RunTop(const std::string& socket, const TopOptions& options);

}  // namespace sonde::agentctl
