#include "agent/worker/lost_files.h"

#include <gtest/gtest.h>

namespace sonde::worker {
namespace {

constexpr uint64_t kHour = 3'600'000'000'000;

TEST(LostFiles, AreAskedAboutOnceMoreAndThenLeftAloneForLongerAndLonger) {
  LostFiles lost;
  const model::FileIdentity bad{1, 2, 3, 4}, other{1, 2, 3, 5};
  EXPECT_EQ(lost.Blame(bad, 10), 0U);
  EXPECT_TRUE(lost.MayAsk(bad, 10));
  EXPECT_EQ(lost.Blame(bad, 20), 20 + kHour);
  EXPECT_FALSE(lost.MayAsk(bad, 19 + kHour));
  EXPECT_TRUE(lost.MayAsk(other, 20)) << "what was written over it";
  EXPECT_TRUE(lost.MayAsk(bad, 20 + kHour));
  EXPECT_EQ(lost.Blame(bad, 20 + kHour), 20 + 3 * kHour);
  for (int i = 0; i < 10; ++i) lost.Blame(bad, 0);
  EXPECT_EQ(lost.Blame(bad, 0), 32 * kHour);
}

}  // namespace
}  // namespace sonde::worker
