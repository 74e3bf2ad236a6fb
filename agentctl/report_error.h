#pragma once

#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "agentctl/exit_code.h"
#include "agentctl/terminal.h"

namespace sonde::agentctl {

// Prints why a verb failed to stderr and returns its exit code.
inline int ReportError(const absl::Status& status) {
  const std::string text(status.message());
  std::fprintf(stderr, "agentctl: %s\n", Printable(text).c_str());
  return ExitCodeOf(status);
}

}  // namespace sonde::agentctl
