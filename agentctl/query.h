#pragma once

#include <cstdint>
#include <string>

#include "agentctl/format.h"

namespace sonde::agentctl {

// Which of what a collector keeps: the same for `query` and `open`.
struct StoredSelection {
  std::string collector = "http://127.0.0.1:7170";
  std::string kind = "cpu";
  std::string query;            // selector; empty: everything
  std::string since, from, to;  // as SpanFor() reads them; all empty: the last 15 minutes
  std::string focus, ignore;    // regular expressions of functions
};

struct QueryOptions {
  std::string what = "top";  // top, timeline, values or kinds
  std::string by;            // a label: what a timeline is divided by, or whose values are told
  uint32_t limit = 0;        // lines, or columns of a timeline; 0 = 20, or 5
  Format format = Format::kText;
  bool pprof = false;  // instead: the profile itself, as a pprof to stdout
};

// Prints what a collector has stored. Exit code 1 when that is nothing.
int RunQuery(const StoredSelection& selection, const QueryOptions& options);

// Prints the address of the page that shows the same, and opens it when there is a display.
int RunOpen(const StoredSelection& selection);

}  // namespace sonde::agentctl
