#pragma once

#include <cstdint>
#include <string>

#include "profile/reason.h"

namespace sonde::model {

// Where the time of one thread, or of all threads of one process, went within an interval, against the time they
// existed.
struct TimeAccount {
  uint64_t wall_ns = 0;  // that it existed within the interval; of a process the sum over its threads
  profile::ReasonTimes ns{};

  // What no reason explains; negative when more was explained than existed.
  int64_t UnexplainedNs() const { return static_cast<int64_t>(wall_ns) - static_cast<int64_t>(profile::SumOf(ns)); }
};

struct ProcessAccount : TimeAccount {
  uint32_t tgid = 0;
  std::string process;
  std::string service;
  std::string container;  // container id, else systemd unit, else empty
  uint32_t threads = 0;   // that existed within the interval
};

struct ThreadSum : TimeAccount {
  uint32_t tgid = 0;
  uint32_t tid = 0;
  std::string comm;
};

}  // namespace sonde::model
