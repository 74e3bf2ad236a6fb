#include "base/latency_histogram.h"

#include <algorithm>

namespace sonde::base {

void LatencyHistogram::Add(absl::Duration took) {
  const double seconds = absl::ToDoubleSeconds(took);
  const auto bucket = static_cast<size_t>(std::ranges::lower_bound(kBounds, seconds) - kBounds.begin());
  absl::MutexLock lock(&mutex_);
  ++counts_.buckets[bucket];
  counts_.sum_seconds += seconds;
}

LatencyHistogram::Counts LatencyHistogram::Snapshot() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

}  // namespace sonde::base
