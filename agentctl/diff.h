#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sonde::agentctl {

struct DiffOptions {
  std::string before, after;   // files of pprof; one of them may be "-"
  std::string query;           // selector over sample labels; empty: everything
  std::string scale = "time";  // time, total or none
  bool json = false;
  size_t limit = 20;                 // functions
  std::vector<std::string> fail_if;  // "cpu > 5%"
};

// Prints how the second profile differs from the first. Exit code 1 when one of `fail_if` is so.
int RunDiff(const DiffOptions& options);

}  // namespace sonde::agentctl
