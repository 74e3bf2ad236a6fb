#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "agent/model/executable_file.h"

namespace sonde::process {

// A process's executable mappings: sorted by start, not overlapping, joined where they continue one another. Memory
// without a file has file offset 0 everywhere. Not thread-safe.
class MappingList {
 public:
  enum class Outcome { kChanged, kUnchanged, kFull };

  // Puts `mapping` over whatever was there. kFull: it would take more than `max_mappings`; nothing has changed then.
  // REQUIRES: mapping.start < mapping.limit.
  Outcome Insert(model::Mapping mapping, size_t max_mappings);

  // Takes a list read as a whole; REQUIRES: sorted, not overlapping. Returns how many were left out for there being
  // more than `max_mappings`: memory without a file first, then the last.
  size_t Assign(std::vector<model::Mapping> mappings, size_t max_mappings);

  std::span<const model::Mapping> Mappings() const { return mappings_; }

  friend bool operator==(const MappingList& a, const MappingList& b);

 private:
  std::vector<model::Mapping> mappings_;
};

}  // namespace sonde::process
