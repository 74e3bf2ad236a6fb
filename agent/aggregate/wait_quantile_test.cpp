#include "agent/aggregate/wait_quantile.h"

#include <gtest/gtest.h>

namespace sonde::aggregate {
namespace {

TEST(WaitQuantile, OfNoWaitsIsNothing) { EXPECT_EQ(QuantileNs({}, 0.5), 0U); }

TEST(WaitQuantile, LiesInTheBucketOfTheWaitThatItIs) {
  model::WaitLengths lengths;
  lengths.counts[10] = 98;  // from 2^18 ns to 2^19
  lengths.counts[20] = 2;   // from 2^28 ns to 2^29
  lengths.longest_ns = (uint64_t{1} << 28) + 1000;
  EXPECT_GE(QuantileNs(lengths, 0.5), uint64_t{1} << 18);
  EXPECT_LT(QuantileNs(lengths, 0.5), uint64_t{1} << 19);
  EXPECT_GE(QuantileNs(lengths, 0.99), uint64_t{1} << 28);
  EXPECT_LE(QuantileNs(lengths, 0.99), lengths.longest_ns);
  EXPECT_EQ(QuantileNs(lengths, 1), lengths.longest_ns);
}

TEST(WaitQuantile, IsNeverMoreThanTheLongest) {
  model::WaitLengths lengths;
  lengths.counts[0] = 10;
  lengths.longest_ns = 100;
  EXPECT_LE(QuantileNs(lengths, 0.999), 100U);
  lengths.counts[31] = 1;
  lengths.longest_ns = uint64_t{1} << 50;
  EXPECT_EQ(QuantileNs(lengths, 1), uint64_t{1} << 50);
}

TEST(WaitQuantile, OfSumsCountsBoth) {
  model::WaitLengths sum, more;
  sum.counts[3] = 1;
  more.counts[3] = 2;
  more.longest_ns = 7;
  Add(more, &sum);
  EXPECT_EQ(sum.counts[3], 3U);
  EXPECT_EQ(sum.longest_ns, 7U);
}

}  // namespace
}  // namespace sonde::aggregate
