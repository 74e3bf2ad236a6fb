#include "agentctl/profile_change.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sonde::agentctl {
namespace {

profile::Pprof SpentIn(const std::vector<std::pair<std::string, int64_t>>& functions, int64_t duration_ns) {
  profile::PprofBuilder builder(profile::Kind::kCpu, 0, duration_ns, 1);
  for (const auto& [name, ns] : functions) {
    const profile::PprofBuilder::Line line{.name = name, .system_name = "", .filename = ""};
    const uint64_t location = builder.AddLocation(0, std::hash<std::string>()(name), {&line, 1});
    const std::vector<int64_t> values = {1, ns};
    builder.AddSample({&location, 1}, values, {});
  }
  return std::move(builder).Build();
}

TEST(ProfileChange, IsOfSharesWhenScaledToTheTotal) {
  const ProfileChange change =
      *Compare(SpentIn({{"a", 100}, {"b", 300}}, 10), SpentIn({{"a", 50}, {"b", 50}}, 10), Scaling::kTotal);
  EXPECT_EQ(change.scale, 0.25);
  EXPECT_EQ(PercentUp(change, ""), 0);
  EXPECT_EQ(PercentUp(change, "a"), 25) << "25 of 100";
  EXPECT_EQ(PercentUp(change, "b"), -25);
}

TEST(ProfileChange, HasTheFunctionThatChangedMostFirstAndThoseOfOneSideOnly) {
  const ProfileChange change =
      *Compare(SpentIn({{"a", 100}, {"gone", 30}}, 10), SpentIn({{"a", 110}, {"new", 500}}, 10), Scaling::kNone);
  ASSERT_EQ(change.functions.size(), 3u);
  EXPECT_EQ(change.functions[0].function, "new");
  EXPECT_EQ(change.functions[0].self_before, 0);
  EXPECT_EQ(change.functions[1].function, "gone");
  EXPECT_EQ(change.functions[1].self_after, 0);
}

TEST(ProfileChange, FromNothingIsWithoutBound) {
  const ProfileChange change = *Compare(SpentIn({}, 10), SpentIn({{"a", 1}}, 10), Scaling::kTime);
  EXPECT_TRUE(std::isinf(PercentUp(change, "")));
  EXPECT_FALSE(Compare(SpentIn({}, 10), SpentIn({{"a", 1}}, 10), Scaling::kTotal).ok());
  EXPECT_FALSE(Compare(SpentIn({{"a", 1}}, 0), SpentIn({{"a", 1}}, 10), Scaling::kTime).ok());
}

TEST(ProfileChange, LimitsNameTheValueOrAFunctionWhateverItsName) {
  const ProfileChange change =
      *Compare(SpentIn({{"std::less<int>::operator()", 1}}, 1), SpentIn({{"cpu", 1}}, 1), Scaling::kNone);
  EXPECT_EQ(ParseLimit("std::less<int>::operator() > 2.5%", change)->function, "std::less<int>::operator()");
  EXPECT_EQ(ParseLimit(" cpu>5% ", change)->function, "") << "the value goes first";
  EXPECT_EQ(ParseLimit(" cpu>-5% ", change)->percent, -5);
  EXPECT_FALSE(ParseLimit("less > 1%", change).ok());
}

}  // namespace
}  // namespace sonde::agentctl
