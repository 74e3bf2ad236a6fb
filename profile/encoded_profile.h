#pragma once

#include <cstdint>
#include <string>

#include "profile/kind.h"
#include "profile/labels.h"
#include "profile/pprof_builder.h"

namespace sonde::profile {

// Stage 3: one window, one process group, one kind, with names.
struct SymbolizedProfile {
  Kind kind = Kind::kCpu;
  Labels labels;  // of the series
  Pprof pprof;
};

// Stage 4: ready for a wire or a file.
struct EncodedProfile {
  Kind kind = Kind::kCpu;
  Labels labels;
  int64_t start_unix_ns = 0;
  std::string instance{};  // UUID of the agent's run that made it
  uint64_t sequence = 0;   // of that run, from 1; a resend repeats both
  uint64_t part = 1;  // 1: whole; the two halves of part n, where a target takes no more at once, are 2n and 2n + 1
  bool ends_window = false;  // it is the last that its window has: what comes next is of another
  std::string pprof_gz;
};

}  // namespace sonde::profile
