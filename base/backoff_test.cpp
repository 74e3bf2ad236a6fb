#include "base/backoff.h"

#include "gtest/gtest.h"

namespace sonde::base {
namespace {

TEST(Backoff, StaysBelowABoundThatGrowsToTheCap) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(30));
  for (int i = 0; i < 200; ++i) {
    const absl::Duration bound = backoff.Bound();
    EXPECT_LE(bound, absl::Seconds(30));
    EXPECT_LE(backoff.Next(), bound);
  }
  EXPECT_EQ(backoff.Bound(), absl::Seconds(30));
}

TEST(Backoff, SpreadsWaitsOverTheWholeRange) {
  Backoff backoff(absl::Seconds(30), absl::Seconds(30));
  int low = 0;
  for (int i = 0; i < 1000; ++i) low += backoff.Next() < absl::Seconds(15) ? 1 : 0;
  EXPECT_GT(low, 350);
  EXPECT_LT(low, 650);
}

TEST(Backoff, NeverSpins) {
  Backoff backoff(absl::Nanoseconds(1), absl::Nanoseconds(1));
  EXPECT_GE(backoff.Next(), absl::Milliseconds(50));
}

TEST(Backoff, StartsAnewAfterASuccess) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(30));
  for (int i = 0; i < 20; ++i) backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Seconds(1));
}

TEST(Backoff, SlowsDownWhenAskedForLessTraffic) {
  Backoff backoff(absl::Seconds(1), absl::Seconds(30));
  EXPECT_GE(backoff.NextSlow(), absl::Seconds(15));
  EXPECT_EQ(backoff.Bound(), absl::Seconds(30));
  Backoff patient(absl::Seconds(1), absl::Seconds(120));
  EXPECT_GE(patient.NextSlow(), Backoff::kSlow / 2);
  for (int i = 0; i < 10; ++i) patient.NextSlow();
  EXPECT_GE(patient.NextSlow(), absl::Seconds(60));
}

}  // namespace
}  // namespace sonde::base
