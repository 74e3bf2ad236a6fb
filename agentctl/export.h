#pragma once

#include <string>

namespace sonde::agentctl {

struct ExportOptions {
  std::string input;   // a pprof; "-": standard input
  std::string output;  // its end tells the format
  std::string query;   // selector over sample labels; empty: everything
  std::string root;    // the sample label under whose values stacks stand; empty: none
};

// Writes a pprof in another format, or a part of it.
int RunExport(const ExportOptions& options);

}  // namespace sonde::agentctl
