#pragma once

#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "agent/aggregate/drawn_stacks.h"
#include "agent/aggregate/wait_rows.h"
#include "agent/model/slice.h"

namespace sonde::aggregate {

// How well the stacks of waits are known, of all time off the CPU within work.
struct StackError {
  uint64_t off_cpu_ns = 0;
  uint64_t left_out_ns = 0;  // whose stacks were not walked
  uint64_t expected_ns = 0;  // of that, what is expected to stand at another stack than its own

  double LeftOutRatio() const { return ShareOf(left_out_ns); }
  double ExpectedRatio() const { return ShareOf(expected_ns); }
  double ShareOf(uint64_t ns) const {
    return off_cpu_ns == 0 ? 0 : static_cast<double>(ns) / static_cast<double>(off_cpu_ns);
  }
};

// Waits whose stacks were left out to save cost, and those drawn by chance that stand for them. Single-threaded.
//
// Stacks are left out by chance alone, whatever comes of the wait, and only where no known site fitted: so those that
// were drawn there tell, and not those that were reused, which were certain to be seen. One drawn out of k stands for k
// - 1 others. Time, counts and lengths keep their sums by process, reason and system call; only their split over stacks
// is an estimate.
class LeftOutWaits {
 public:
  // A sample of waits drawn by chance, one out of `one_in`.
  void AddDrawn(const model::RawSample& sample, uint32_t one_in);

  // Replaces the rows of what was left out by what they come to at stacks: those drawn in the same process, or else in
  // processes of the same kind (those with equal `kind_of`), or else all stacks that the process had for that reason.
  // Where there are none the rows stay. Gives the error of the split that is to be expected.
  StackError Spread(absl::FunctionRef<uint32_t(uint32_t tgid)> kind_of, Rows* rows) const;

 private:
  using KindOf = absl::FunctionRef<uint32_t(uint32_t tgid)>;
  using Pools = absl::flat_hash_map<RowKey, DrawnStacks>;  // by process or kind, reason and system call

  Pools PoolsOfDrawn(KindOf kind_of) const;
  static Pools PoolsOfAll(const Rows& rows);
  // What was spread, by pool.
  static Rows SpreadOver(const Pools& pools, KindOf kind_of, Rows* rows);

  absl::flat_hash_map<RowKey, DrawnWaits> drawn_;
};

}  // namespace sonde::aggregate
