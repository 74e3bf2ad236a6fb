#include "agent/aggregate/reason_waits.h"

#include <gtest/gtest.h>

namespace sonde::aggregate {
namespace {

using profile::Reason;

model::WaitLengths Lengths(size_t bucket, uint64_t count, uint64_t longest_ns) {
  model::WaitLengths lengths{.longest_ns = longest_ns};
  lengths.counts[bucket] = count;
  return lengths;
}

TEST(ReasonWaits, KeepReasonsApartAndSumEach) {
  ReasonWaits waits;
  waits.Add(Reason::kPipe, 3, Lengths(5, 3, 900));
  waits.Add(Reason::kDisk, 1, Lengths(31, 1, 5000));
  waits.Add(Reason::kPipe, 4, Lengths(5, 4, 700));
  waits.Add(Reason::kPipe, 1, Lengths(0, 1, 100));
  const RowSum pipe = waits.Of(Reason::kPipe), disk = waits.Of(Reason::kDisk);
  EXPECT_EQ(pipe.count, 8U);
  EXPECT_EQ(pipe.lengths.counts[5], 7U);
  EXPECT_EQ(pipe.lengths.counts[0], 1U);
  EXPECT_EQ(pipe.lengths.longest_ns, 900U);
  EXPECT_EQ(disk.count, 1U);
  EXPECT_EQ(disk.lengths.counts[31], 1U);
  EXPECT_EQ(disk.lengths.longest_ns, 5000U);
  EXPECT_EQ(waits.Of(Reason::kLock).count, 0U);
}

TEST(ReasonWaits, KnowAWaitThatHasNotEndedByItsLengthSoFar) {
  ReasonWaits waits;
  waits.Add(Reason::kLock, 0, {.longest_ns = 42});
  EXPECT_EQ(waits.Of(Reason::kLock).count, 0U);
  EXPECT_EQ(waits.Of(Reason::kLock).lengths.longest_ns, 42U);
}

// A mean of two medians would be 5 ms.
TEST(ReasonWaits, OfSeveralProcessesHaveTheQuantilesOfAllTheirWaits) {
  ReasonWaits often, seldom;
  often.Add(Reason::kDisk, 98, Lengths(10, 98, (uint64_t{1} << 19) - 1));
  seldom.Add(Reason::kDisk, 2, Lengths(15, 2, uint64_t{10'000'000}));
  seldom.Add(often);
  const RowSum all = seldom.Of(Reason::kDisk);
  EXPECT_EQ(all.count, 100U);
  EXPECT_GE(QuantileNs(all.lengths, 0.5), uint64_t{1} << 18);
  EXPECT_LT(QuantileNs(all.lengths, 0.5), uint64_t{1} << 19);
  EXPECT_GE(QuantileNs(all.lengths, 0.99), uint64_t{1} << 23);
  EXPECT_EQ(QuantileNs(all.lengths, 1), 10'000'000U);
}

}  // namespace
}  // namespace sonde::aggregate
