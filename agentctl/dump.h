#pragma once

#include <cstdint>
#include <string>

#include "agentctl/format.h"

namespace sonde::agentctl {

struct DumpOptions {
  uint32_t pid = 0;     // 0 = every process
  std::string service;  // only of this service's processes; empty: of all
  std::string comm;     // only of this name, of a thread or its process; empty: of all
  uint32_t limit = 0;   // 0 = 1000
  Format format = Format::kText;
};

// Prints where each thread is now. Exit code 1 when there is none of those asked for.
int RunDump(const std::string& socket, const DumpOptions& options);

}  // namespace sonde::agentctl
