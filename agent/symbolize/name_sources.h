#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/names/name_wire.h"

namespace sonde::symbolize {

// Where the names of a file's functions come from, and where more of them might have come from.
struct NameSources {
  struct Tried {
    std::string path;
    std::string found;  // what is there, in words
  };

  absl::Status status = absl::UnavailableError("nobody was asked yet");  // why there are no names
  std::string build_id;
  names::Contents own;
  names::Contents debug;        // of the debug file
  std::string debug_path;       // empty: none was taken
  std::string supplement_path;  // of what debug information is shared with others in; empty: none
  size_t split_files = 0;       // .dwo and .dwp files that were taken so far
  std::vector<Tried> tried;     // in vain
};

}  // namespace sonde::symbolize
