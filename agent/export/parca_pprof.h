#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "profile/kind.h"
#include "profile/pprof_builder.h"

namespace sonde::exporting {

// Tables of a pprof by id. Refers to it; immutable.
struct PprofTables {
  // REQUIRES: `profile` passed Check().
  explicit PprofTables(const profile::Pprof& profile);

  const profile::Pprof& whole;
  absl::flat_hash_map<uint64_t, const perftools::profiles::Location*> locations;
  absl::flat_hash_map<uint64_t, const perftools::profiles::Function*> functions;
  absl::flat_hash_map<uint64_t, const perftools::profiles::Mapping*> mappings;
};

// The pprof of one series as Parca's server takes it, of some samples of another one and only what these refer to:
// ids exactly 1..N in the order of the tables; addresses as they are, which are those of the ELF file, under mappings
// without a range, so that the server does not take them for a process's; no labels and no comments, which it loses.
// Where the server is to name what we could not, a location of a file with a build id whose line is only its place
// ("app+0x1c40") goes without a line: the server looks into what it has of that build id when it is asked, and only for
// locations that have none.
// Single-threaded; what it is made of must outlive it.
class ParcaPprof {
 public:
  // With the times of the whole.
  ParcaPprof(const PprofTables& from, profile::SampleType period_type, int64_t period, bool server_names_the_rest);

  void AddSampleType(profile::SampleType type);
  // The stack of `sample` with `values`, one for each sample type. One whose values are all zero is left out.
  void AddSample(const perftools::profiles::Sample& sample, std::span<const int64_t> values);

  // The finished profile; call it last.
  profile::Pprof Finish() &&;

 private:
  int64_t AddText(std::string_view text);
  int64_t TextOf(int64_t index);
  uint64_t LocationOf(uint64_t id);
  uint64_t FunctionOf(uint64_t id);
  uint64_t MappingOf(uint64_t id);
  // Whether a location's only line is its place in a file that the server may know.
  bool IsUnnamed(const perftools::profiles::Location& location) const;

  const PprofTables& from_;
  const bool server_names_the_rest_;
  profile::Pprof part_;
  // Of the whole's to the part's.
  absl::flat_hash_map<int64_t, int64_t> texts_;
  absl::flat_hash_map<uint64_t, uint64_t> locations_;
  absl::flat_hash_map<uint64_t, uint64_t> functions_;
  absl::flat_hash_map<uint64_t, uint64_t> mappings_;
};

}  // namespace sonde::exporting
