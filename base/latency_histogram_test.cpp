#include "base/latency_histogram.h"

#include <gtest/gtest.h>

#include <numeric>

namespace sonde::base {
namespace {

TEST(LatencyHistogram, CountsEachOnceUnderTheFirstBoundThatItDoesNotExceed) {
  LatencyHistogram histogram;
  for (double seconds : {0.0, 0.001, 0.0011, 10.0, 10.1, 3600.0}) histogram.Add(absl::Seconds(seconds));
  const LatencyHistogram::Counts counts = histogram.Snapshot();
  EXPECT_EQ(counts.buckets[0], 2U);
  EXPECT_EQ(counts.buckets[1], 1U);
  EXPECT_EQ(counts.buckets[LatencyHistogram::kBounds.size() - 1], 1U);
  EXPECT_EQ(counts.buckets.back(), 2U);
  EXPECT_EQ(std::accumulate(counts.buckets.begin(), counts.buckets.end(), uint64_t{0}), 6U);
  EXPECT_NEAR(counts.sum_seconds, 3620.1021, 1e-6);
}

}  // namespace
}  // namespace sonde::base
