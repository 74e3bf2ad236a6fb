#pragma once

#include <array>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sonde::base {

// How long things took, as Prometheus's histograms have it: counts by upper bound. Thread-safe.
class LatencyHistogram {
 public:
  // Of the buckets, in seconds; a last one has what took longer.
  static constexpr std::array<double, 13> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                     0.25,  0.5,    1,     2.5,  5,     10};

  struct Counts {
    std::array<uint64_t, kBounds.size() + 1> buckets{};  // each without those below
    double sum_seconds = 0;
  };

  void Add(absl::Duration took) ABSL_LOCKS_EXCLUDED(mutex_);
  Counts Snapshot() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  Counts counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::base
