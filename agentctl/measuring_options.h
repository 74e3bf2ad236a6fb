#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace sonde::agentctl {

// What can be asked of every verb that measures from now on and shows lines with stacks.
struct MeasuringOptions {
  uint32_t pid = 0;  // 0 = every process
  absl::Duration duration = absl::Seconds(10);
  absl::Duration since;   // instead of the duration, so far back up to now; 0: not asked for
  absl::Duration before;  // and that up to so long ago
  uint32_t limit = 0;     // 0 = 20
  bool whole_stacks = false;
  bool json = false;
};

// Of those that show waits.
struct WaitingOptions : MeasuringOptions {
  bool idle = false;  // waits for work too
};

// "process 42"
inline std::string Whose(uint32_t pid) { return pid == 0 ? "all processes" : absl::StrCat("process ", pid); }

}  // namespace sonde::agentctl
