#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace sonde::agentctl {

struct RecordOptions {
  absl::Duration duration = absl::Seconds(10);
  absl::Duration since{};              // instead of it, so far back up to now; 0: not asked for
  absl::Duration before{};             // and that up to so long ago
  uint32_t pid = 0;                    // 0 = every process
  std::string service{};               // only processes of this service; empty: of all
  std::vector<std::string> command{};  // instead: runs this, and records it and its children until it ends
  std::string kind = "cpu";            // cpu, offcpu, wall or faults
  std::string query{};                 // selector over sample labels; empty: everything
  std::string output{};                // its end tells the format
};

// Records the time from now on, or of the past, into a file. An empty profile makes no file and exit code 1. Where no
// agent runs and we are root, one is started for as long as it takes. A command's exit code, unless it is 0, is that of
// the recording.
int RunRecord(const std::string& socket, const RecordOptions& options);

}  // namespace sonde::agentctl
