#include "profile/reason.h"

#include <gtest/gtest.h>

#include <set>

namespace sonde::profile {
namespace {

TEST(Reason, IsNamedAndParsedByTheSameWord) {
  std::set<std::string_view> names;
  for (const Reason reason : AllReasons()) {
    EXPECT_EQ(ParseReason(ReasonName(reason)), reason);
    EXPECT_FALSE(ReasonMeaning(reason).empty());
    names.insert(ReasonName(reason));
  }
  EXPECT_EQ(names.size(), kReasons);
  EXPECT_EQ(ParseReason("blocked"), std::nullopt);
}

TEST(Reason, GroupsAddUpToTheWhole) {
  ReasonTimes times{};
  for (size_t i = 0; i < kReasons; ++i) times[i] = uint64_t{1} << i;
  uint64_t sum = 0;
  for (size_t i = 0; i < kReasonGroups; ++i) sum += SumOfGroup(times, static_cast<ReasonGroup>(i));
  EXPECT_EQ(sum, SumOf(times));
  EXPECT_EQ(SumOf(times), (uint64_t{1} << kReasons) - 1);
}

TEST(Reason, IsBlockedWhenTheThreadCouldNotHaveRun) {
  EXPECT_FALSE(IsBlocked(Reason::kOnCpu));
  EXPECT_FALSE(IsBlocked(Reason::kThrottled));
  EXPECT_TRUE(IsBlocked(Reason::kDisk));
  EXPECT_TRUE(IsBlocked(Reason::kIdleSignal));
  ReasonTimes times{};
  At(times, Reason::kOnCpu) = 1;
  At(times, Reason::kPreempted) = 2;
  At(times, Reason::kLock) = 4;
  At(times, Reason::kIdleLock) = 8;
  EXPECT_EQ(SumOfBlocked(times), 12U);
}

}  // namespace
}  // namespace sonde::profile
