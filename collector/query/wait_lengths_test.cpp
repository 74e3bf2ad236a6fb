#include "collector/query/wait_lengths.h"

#include <gtest/gtest.h>

namespace sonde::query {
namespace {

TEST(WaitHistogram, FindsAPercentileInTheRightBucketAndEvenlyWithinIt) {
  WaitHistogram lengths;
  lengths.Add(1, 90);   // 512 ns to 1,024
  lengths.Add(12, 10);  // 2^20 ns to 2^21
  EXPECT_EQ(lengths.Count(), 100);
  EXPECT_EQ(lengths.Percentile(0.45), 512 + 256);
  EXPECT_EQ(lengths.Percentile(0.9), 1'024);
  EXPECT_EQ(lengths.Percentile(0.95), (1 << 20) + (1 << 19));
  EXPECT_EQ(lengths.LongestAtMost(), 1 << 21);
}

TEST(WaitHistogram, KnowsNoEndOfItsLastBucket) {
  WaitHistogram lengths;
  EXPECT_EQ(lengths.Percentile(0.5), 0);
  EXPECT_EQ(lengths.LongestAtMost(), 0);
  lengths.Add(profile::kWaitLengthBuckets - 1, 1);
  EXPECT_EQ(lengths.Percentile(0.5), int64_t{1} << 39);
  EXPECT_EQ(lengths.LongestAtMost(), int64_t{1} << 39);
}

TEST(WaitHistogram, IsOfWaitsWhenItHasNearlyAllOfThem) {
  WaitHistogram lengths;
  EXPECT_FALSE(lengths.AreOf(0));
  lengths.Add(3, 90);
  EXPECT_TRUE(lengths.AreOf(90));
  EXPECT_TRUE(lengths.AreOf(100));
  EXPECT_FALSE(lengths.AreOf(101));
}

}  // namespace
}  // namespace sonde::query
