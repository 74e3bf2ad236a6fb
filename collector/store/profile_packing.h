#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "collector/store/dictionary.h"
#include "collector/store/interner.h"
#include "profile/pprof_builder.h"

namespace sonde::store {

// A profile as its row has it: everything that other profiles of the day may have as well is a number of the
// dictionary.
struct PackedProfile {
  uint32_t shape = 0;
  size_t value_count = 0;  // of a sample
  int64_t period = 0;
  std::string comments;
  std::string totals;
  std::string samples;
};

// Times are not part of it. Samples without any value are left out, as every merge of pprofs does.
// kResourceExhausted when the day's dictionary is full.
// REQUIRES: `pprof` passed profile::Check().
absl::StatusOr<PackedProfile> Pack(const profile::Pprof& pprof, Interner* interner);

std::string EncodeComments(std::span<const uint32_t> ids);
absl::StatusOr<std::vector<uint32_t>> DecodeComments(std::string_view encoded);

// The types of a profile's values: a Pprof that has types and strings and nothing else. kDataLoss when the entry is
// none.
absl::StatusOr<profile::Pprof> ShapeOf(const Dictionary& dictionary, uint32_t shape);
absl::StatusOr<profile::Labels> LabelsOf(const Dictionary& dictionary, uint32_t labels);

// Makes a pprof again out of numbers of one dictionary. Single-threaded.
class Unpacker {
 public:
  // `shape` as ShapeOf() gave it. `dictionary` must outlive this.
  Unpacker(const Dictionary& dictionary, const profile::Pprof& shape);

  // The id that the location has in the pprof. kDataLoss when the dictionary is damaged, here and below.
  absl::StatusOr<uint64_t> Location(uint32_t location);
  // `extra` are labels besides its own, which win.
  absl::Status AddSample(uint32_t labels, uint32_t node, std::span<const int64_t> values, const profile::Labels& extra);
  int64_t AddString(std::string_view text);

  // Mappings as profile::OrderMappings() has them. Nothing may be added afterwards.
  profile::Pprof Finish() &&;

 private:
  absl::StatusOr<int64_t> String(int64_t id);
  absl::StatusOr<uint64_t> Mapping(uint64_t mapping);
  absl::StatusOr<uint64_t> Function(uint64_t function);
  absl::Status AddLabels(uint32_t labels, const profile::Labels& extra, perftools::profiles::Sample* sample);

  const Dictionary& dictionary_;
  profile::Pprof pprof_;
  absl::flat_hash_map<std::string, int64_t> strings_;
  absl::flat_hash_map<uint64_t, uint64_t> mappings_;
  absl::flat_hash_map<uint64_t, uint64_t> functions_;
  std::vector<uint64_t> locations_;  // by number in the dictionary; 0 = not yet there
};

}  // namespace sonde::store
