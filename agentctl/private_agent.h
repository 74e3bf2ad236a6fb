#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"

namespace sonde::agentctl {

// An agent that runs for as long as this lives, with a socket and a folder that nobody else has, and that sends nothing
// to anybody. For one thread.
class PrivateAgent {
 public:
  // Starts it, and waits until it accounts for every thread and has the unwinding tables of the programs that run.
  // Needs root: what is missing, or what it said when it ended, is in the error. Call before any other thread starts.
  static absl::StatusOr<PrivateAgent> Start();
  PrivateAgent(PrivateAgent&& other) noexcept;
  PrivateAgent& operator=(PrivateAgent&&) = delete;
  // Ends it and removes the folder.
  ~PrivateAgent();

  std::string Socket() const { return folder_ / "agent.sock"; }

 private:
  explicit PrivateAgent(std::filesystem::path folder) : folder_(std::move(folder)) {}
  absl::Status Launch();
  absl::Status AwaitReady();
  // Why it has ended; OK while it runs.
  absl::Status Ended();

  std::filesystem::path folder_;  // empty: moved from
  pid_t pid_ = -1;
};

}  // namespace sonde::agentctl
