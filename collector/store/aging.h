#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "collector/store/database.h"
#include "collector/store/profile_rows.h"

namespace sonde::store {

// From which age on profiles of one series are kept as one for every `width`.
struct AgingRule {
  Step step;
  int64_t after_ns;
  int64_t width_ns;
};
inline constexpr int64_t kNsPerMinute = int64_t{60} * 1'000'000'000;
inline constexpr AgingRule kAgingRules[] = {
    {Step::kTenMinutes, 120 * kNsPerMinute, 10 * kNsPerMinute},
    {Step::kHour, 24 * 60 * kNsPerMinute, 60 * kNsPerMinute},
};

// Sums up some of the profiles that are old enough at `now_ns`, within a transaction of its own: no sum of samples
// changes, only the times that they are told for. Returns how many profiles were replaced; 0 when none is left to do.
absl::StatusOr<int64_t> SumUpSome(Database* database, int64_t now_ns);

}  // namespace sonde::store
