#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "profile/pprof_builder.h"

namespace sonde::profile {

// Sums profiles of one kind, one after the other, so that only one of them needs to be in memory with the sum: equal
// stacks with equal labels become one sample. Single-threaded.
class Merger {
 public:
  Merger();
  Merger(Merger&&) noexcept;
  Merger& operator=(Merger&&) noexcept;
  ~Merger();

  // Adds a profile, with the labels of `extra` on each of its samples; a label that the sample has stays.
  // kInvalidArgument, and nothing added, when sample types or period types differ from the first profile's.
  // REQUIRES: `profile` passed Check().
  absl::Status Add(const Pprof& profile, const Labels& extra = {});

  // About how many bytes the sum takes in memory: for callers that must stay bounded.
  size_t Bytes() const;

  // The sum: time_nanos is the earliest, duration_nanos the span from the earliest start to the latest end, comments
  // are kept once, mappings as OrderMappings() has them. kInvalidArgument when nothing was added.
  absl::StatusOr<Pprof> Finish() &&;

 private:
  class Tables;
  std::unique_ptr<Tables> tables_;
};

// Merger over all of `profiles`. `extra` holds the labels for the profile of the same index (may be shorter or empty).
absl::StatusOr<Pprof> Merge(const std::vector<Pprof>& profiles, const std::vector<Labels>& extra = {});

}  // namespace sonde::profile
