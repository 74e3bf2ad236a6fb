#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace sonde::agentctl {

struct WaitsOptions {
  uint32_t pid = 0;     // 0 = every process
  std::string service;  // empty = every service
  absl::Duration duration = absl::Seconds(10);
  std::string reason;  // empty = all but idle ones
  bool idle = false;   // idle ones too
  uint32_t limit = 0;  // 0 = 20
  bool whole_stacks = false;
  bool json = false;
};

// Prints what threads waited for longest in all: reason, lengths, and the stack that waited.
int RunWaits(const std::string& socket, const WaitsOptions& options);

}  // namespace sonde::agentctl
