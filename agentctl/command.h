#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace sonde::agentctl {

// A command that does not begin before it is told so, so that nothing of it goes unseen. For one thread.
class Command {
 public:
  // Makes its process, which waits. Call before any other thread starts.
  static absl::StatusOr<Command> Prepare(const std::vector<std::string>& words);
  Command(Command&& other) noexcept;
  Command& operator=(Command&&) = delete;
  // One that never began ends without having done anything.
  ~Command();

  pid_t Pid() const { return pid_; }
  // Lets it begin. An error when it cannot be run (kNotFound: there is no such program); its exit code is 127 or 126
  // then, as a shell would say.
  absl::Status Begin();
  // Waits until it ends, which an interrupt, that it gets too, does not hasten. What a shell would call its exit code:
  // 128 and the signal's number, if one ended it.
  int Wait();

 private:
  Command(pid_t pid, base::UniqueFd go, base::UniqueFd failure)
      : pid_(pid), go_(std::move(go)), failure_(std::move(failure)) {}

  pid_t pid_ = -1;          // -1: it was waited for
  base::UniqueFd go_;       // closed without a byte: it ends
  base::UniqueFd failure_;  // errno, if it cannot become its program
};

}  // namespace sonde::agentctl
