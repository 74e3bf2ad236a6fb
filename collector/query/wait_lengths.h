#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "collector/query/label_groups.h"
#include "collector/query/querier.h"
#include "collector/store/reader.h"
#include "profile/wait_length.h"

namespace sonde::query {

// How many waits were how long, as profiles of kind wait_lengths count them: in buckets that double.
class WaitHistogram {
 public:
  // bucket < profile::kWaitLengthBuckets; waits > 0.
  void Add(size_t bucket, int64_t waits);
  int64_t Count() const { return waits_; }
  // The length that a share of `part` of all waits does not exceed: in the right bucket, in which waits are taken to
  // lie evenly. 0 without waits.
  int64_t Percentile(double part) const;
  // No wait was longer; of those in the last bucket, which has no end, where it begins.
  int64_t LongestAtMost() const;
  // Whether these are the lengths of (nearly) all of so many waits.
  bool AreOf(int64_t waits) const { return waits_ > 0 && waits_ >= waits - waits / 10; }

 private:
  std::array<int64_t, profile::kWaitLengthBuckets> buckets_{};
  int64_t waits_ = 0;
};

// Of one length, one set of labels and one window.
struct MeasuredWaits {
  int32_t group;
  int64_t begin_ns;
  int64_t end_ns;
  size_t bucket;
  int64_t waits;
};

// Goes over the lengths of the off-CPU waits that `query` selects; over none when it asks for some stacks alone, or for
// another kind: lengths have no stacks. Errors as VisitKept()'s.
absl::Status VisitWaitLengths(store::Reader* reader, const StackQuery& query, LabelGroups* groups,
                              absl::FunctionRef<void(const MeasuredWaits&)> visit);

}  // namespace sonde::query
