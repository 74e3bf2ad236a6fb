#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "collector/store/reader.h"

namespace sonde::query {

// Equal steps of time, aligned to the epoch.
struct TimeAxis {
  int64_t begin_ns = 0;
  int64_t step_ns = 1;
  size_t steps = 0;
};

// Over all of `span`. `step_ns` 0 picks one by which `range` has about 120 steps, of whole minutes. kInvalidArgument
// for more than 20,000 steps.
absl::StatusOr<TimeAxis> AxisOver(store::TimeRange span, store::TimeRange range, int64_t step_ns);

// Spreads `total` evenly over [begin_ns, end_ns), which lies on the axis: `give` gets each step's share, and the shares
// add up to `total` exactly.
void Spread(const TimeAxis& axis, int64_t begin_ns, int64_t end_ns, int64_t total,
            absl::FunctionRef<void(size_t step, int64_t share)> give);

}  // namespace sonde::query
