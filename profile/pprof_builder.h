#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "profile/kind.h"
#include "profile/labels.h"
#include "proto/perftools/profile.pb.h"

namespace sonde::profile {

using Pprof = ::perftools::profiles::Profile;

// The string of that number. REQUIRES: the profile has it (Check(), pprof_file.h).
inline const std::string& TextAt(const Pprof& profile, int64_t index) {
  return profile.string_table(static_cast<int>(index));
}

// Builds one pprof: strings, mappings, locations and functions are stored once, equal samples (same stack, same
// labels) are summed, ids are dense from 1 in table order (Parca insists), and every string is made valid UTF-8.
// Single-threaded; owns what it builds until Build().
class PprofBuilder {
 public:
  // `start_unix_ns` and `duration_ns` of the window; `period` in the unit of PeriodType(kind).
  PprofBuilder(Kind kind, int64_t start_unix_ns, int64_t duration_ns, int64_t period);

  // A file (or "[kernel.kallsyms]", "[vdso]", ...) with the addresses [start, limit) that its executable segment
  // has by its own program headers, and the segment's file offset. `build_id` is lower-case hex or empty.
  // `has_functions` only when every location of it will carry a name. Returns the mapping's id.
  uint64_t AddMapping(std::string_view filename, std::string_view build_id, uint64_t start, uint64_t limit,
                      uint64_t file_offset, bool has_functions);

  struct Line {
    std::string_view name;         // for display
    std::string_view system_name;  // as in the symbol table; empty = same as name, and so it is written
    std::string_view filename;
    int64_t line = 0;
    int64_t start_line = 0;  // of the function
  };
  // A place in a mapping (id 0 = none) with the lines it stands for, innermost inlined callee first; no lines = not
  // named. Equal (mapping, address, first line's name) give the same id.
  uint64_t AddLocation(uint64_t mapping_id, uint64_t address, std::span<const Line> lines);

  // The names of a location's lines in the same order, and the file of its mapping: of an id that AddLocation() gave.
  // Views hold until the builder is used again.
  std::vector<std::string_view> NamesOf(uint64_t location_id) const;
  std::string_view FileOf(uint64_t location_id) const;

  // Adds `values` (one for each of SampleTypes(kind)) to the sample with this stack, leaf first, and these labels.
  void AddSample(std::span<const uint64_t> location_ids, std::span<const int64_t> values, const Labels& labels);

  // For humans only: losses, fallbacks.
  void AddComment(std::string_view text);

  bool IsEmpty() const { return profile_.sample_size() == 0; }

  // The finished profile. Samples whose values are all zero are left out (Pyroscope cannot take them); all is in the
  // order of OrderMappings() and OrderTables(), so that ids may differ from those that AddMapping() and AddLocation()
  // gave. The builder is empty afterwards and must not be used again.
  Pprof Build() &&;

 private:
  int64_t Intern(std::string_view text);
  const perftools::profiles::Location& LocationOf(uint64_t id) const {
    return profile_.location(static_cast<int>(id) - 1);
  }
  uint64_t AddFunction(const Line& line);

  Pprof profile_;
  absl::flat_hash_map<std::string, int64_t> strings_;
  absl::flat_hash_map<std::string, uint64_t> mappings_;
  absl::flat_hash_map<std::string, uint64_t> locations_;
  absl::flat_hash_map<std::string, uint64_t> functions_;
  absl::flat_hash_map<std::string, int> samples_;
};

}  // namespace sonde::profile
