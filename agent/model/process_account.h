#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "agent/model/slice.h"

namespace sonde::model {

// Where the time of all threads of one process went within an interval, against the time they existed.
struct ProcessAccount {
  uint32_t tgid = 0;
  std::string process;
  std::string service;
  uint32_t threads = 0;  // that existed within the interval
  uint64_t wall_ns = 0;  // sum over threads of the time each existed within it
  std::array<uint64_t, kThreadStates> ns{};

  // What no state explains; negative when more was explained than existed.
  int64_t UnexplainedNs() const {
    return static_cast<int64_t>(wall_ns) - static_cast<int64_t>(ns[0] + ns[1] + ns[2]);
  }
};

}  // namespace sonde::model
