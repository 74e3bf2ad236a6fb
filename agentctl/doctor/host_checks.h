#pragma once

#include <cstdint>
#include <string>

#include "base/finding.h"

namespace sonde::agentctl {

// One check a file: of what needs none of the agent's code. `root` is "" but in tests, which have files of other hosts
// below it.

// Whether time is what the rest of the site takes it for, and goes on evenly. Takes a tenth of a second.
base::Findings CheckClock(const std::string& root);

// What CheckClock() judges.
struct ClockReading {
  bool can_be_told = false;  // whether it is synchronised
  bool is_synchronised = false;
  int64_t step_ns = 0;          // by which the wall clock was set while the monotonic one went on
  uint64_t backward_steps = 0;  // of the monotonic clock, from one CPU to the next
  std::string source;           // the kernel's; empty: not known
};
base::Findings JudgeClock(const ClockReading& reading);

// Whether tracefs is mounted, which other tools want.
base::Findings CheckTracefs(const std::string& root);

// Whether users without rights may load BPF programs, which the agent has no need of.
base::Findings CheckUnprivilegedBpf(const std::string& root);

// Whether the disk of a collector's store has room, where there is a store on this host.
base::Findings CheckStore(const std::string& root);

}  // namespace sonde::agentctl
