#pragma once

#include <string>

#include "agentctl/measuring_options.h"

namespace sonde::agentctl {

struct WaitsOptions : WaitingOptions {
  std::string service;  // empty = every service
  std::string reason;   // empty = all but idle ones
  bool chains = false;  // also how who ended them came to do so
};

// Prints what threads waited for longest in all: reason, lengths, and the stack that waited.
int RunWaits(const std::string& socket, const WaitsOptions& options);

}  // namespace sonde::agentctl
