#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace sonde::agentctl {

struct AccountOptions {
  uint32_t pid = 0;                                // 0 = every process
  absl::Duration duration = absl::ZeroDuration();  // 0 = the last whole window
  absl::Duration since;                            // instead of it, so far back up to now; 0: not asked for
  absl::Duration before;                           // and that up to so long ago
  std::string by = "process";                      // process, thread, service, container or reason
  std::string sort = "busy";                       // busy (all but idle), wall, or a group of reasons
  std::optional<size_t> limit;                     // lines; 0 = all; unset = 30 in a table, all in JSON
  bool json = false;
};

// Prints where the wall time of each process, thread, service or container went; or of all of them, by reason.
int RunAccount(const std::string& socket, const AccountOptions& options);

}  // namespace sonde::agentctl
