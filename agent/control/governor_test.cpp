#include "agent/control/governor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace sonde::control {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr double kBudget = 0.01;

// A host on which clocks and own CPU time cost `rest`, and all walks of each kind `full`.
struct Host {
  double rest = 0;
  std::array<double, kWalks> full{};

  CostReading Read(const Governor& governor) const {
    const model::StackSelection now = governor.Selection(), all;
    CostReading reading;
    reading.walks = {
        full[0] * all.check_one_in / now.check_one_in,
        full[1] * static_cast<double>(all.preempted_pause_ns) / static_cast<double>(now.preempted_pause_ns),
        full[2] / now.walk_one_in};
    reading.programs = rest + reading.walks[0] + reading.walks[1] + reading.walks[2];
    return reading;
  }
};

// Lets the governor see `host` for so many readings. How often it changed something.
int Observe(const Host& host, int readings, Governor* governor) {
  int changes = 0;
  for (int i = 0; i < readings; ++i) changes += governor->Take(host.Read(*governor)).empty() ? 0 : 1;
  return changes;
}

TEST(Governor, WalksAllStacksWhileTheCostIsWithinTheBudget) {
  Governor governor(kBudget);
  EXPECT_EQ(Observe({.rest = 0.002, .full = {0.001, 0.002, 0.004}}, 100, &governor), 0);
  EXPECT_EQ(governor.Selection(), model::StackSelection{});
  EXPECT_THAT(governor.AllLowered(), IsEmpty());
}

TEST(Governor, TurnsNothingDownWithoutABudget) {
  Governor governor(0);
  EXPECT_EQ(Observe({.rest = 0.5, .full = {0.1, 0.1, 0.1}}, 20, &governor), 0);
  EXPECT_EQ(governor.Selection(), model::StackSelection{});
}

TEST(Governor, LowersTheLeastHarmfulFirstAndNoMoreThanIsNeeded) {
  Governor governor(kBudget);
  Observe({.rest = 0.005, .full = {0.002, 0.004, 0.002}}, 100, &governor);
  EXPECT_EQ(governor.Selection().check_one_in, 1024U);
  EXPECT_EQ(governor.Selection().preempted_pause_ns, 40'000'000U);
  EXPECT_EQ(governor.Selection().walk_one_in, 1U);
  EXPECT_FALSE(governor.IsBeyond());
}

TEST(Governor, TakesOneStepAReadingAndSaysWhatItCostAndWhatChanged) {
  Governor governor(kBudget);
  const Host host{.rest = 0.02, .full = {0.002, 0.004, 0.03}};
  const std::string said = governor.Take(host.Read(governor));
  EXPECT_EQ(said,
            "lowered checks of reused stacks: 1 in 256 instead of 1 in 64, at a cost of 5.60 % of the machine and a "
            "budget of 1.00 %");
  EXPECT_EQ(governor.Selection().preempted_pause_ns, model::StackSelection{}.preempted_pause_ns);
  ASSERT_EQ(governor.AllLowered().size(), 1U);
  EXPECT_EQ(governor.AllLowered()[0].now, "1 in 256");
  EXPECT_EQ(governor.AllLowered()[0].full, "1 in 64");
}

TEST(Governor, LeavesWalksAloneThatCostNothingToSpeakOf) {
  Governor governor(kBudget);
  EXPECT_EQ(Observe({.rest = 0.03, .full = {0.0001, 0.0001, 0.0001}}, 50, &governor), 1);  // it says that once
  EXPECT_EQ(governor.Selection(), model::StackSelection{});
  EXPECT_TRUE(governor.IsBeyond());
}

TEST(Governor, SaysPlainlyOnceThatTheRestAloneCostsMore) {
  Governor governor(kBudget);
  const Host host{.rest = 0.02, .full = {0.002, 0.004, 0.03}};
  std::multiset<std::string> said;
  for (int i = 0; i < 50; ++i) said.insert(governor.Take(host.Read(governor)));
  EXPECT_EQ(
      std::ranges::count_if(said, [](const std::string& text) { return text.starts_with("nothing left to lower"); }),
      1);
  EXPECT_TRUE(governor.IsBeyond());
  Observe({.rest = 0.001}, 1, &governor);
  EXPECT_FALSE(governor.IsBeyond());
}

TEST(Governor, ActsOnALittleOverOnlyWhenItLasts) {
  Governor governor(kBudget);
  const Host over{.rest = 0.005, .full = {0.006, 0, 0}}, within{.rest = 0.005, .full = {0.004, 0, 0}};
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Observe(over, 1, &governor), 0);
    EXPECT_EQ(Observe(within, 1, &governor), 0);
  }
  EXPECT_EQ(Observe(over, 2, &governor), 1);
}

TEST(Governor, ComesBackToAllStacksWhenTheLoadIsGone) {
  Governor governor(kBudget);
  Observe({.rest = 0.01, .full = {0.01, 0.01, 0.1}}, 100, &governor);
  EXPECT_EQ(governor.Selection().walk_one_in, 256U);
  Observe({.rest = 0.001, .full = {0.001, 0.001, 0.001}}, 100, &governor);
  EXPECT_EQ(governor.Selection(), model::StackSelection{});
}

TEST(Governor, RaisesTheMostHarmfulFirst) {
  Governor governor(kBudget);
  Observe({.rest = 0.01, .full = {0.01, 0.01, 0.1}}, 100, &governor);
  const Host quiet{.rest = 0.001, .full = {0.001, 0.001, 0.001}};
  std::string said;
  while (said.empty()) said = governor.Take(quiet.Read(governor));
  EXPECT_THAT(said, StartsWith("raised stacks at places not known yet: 1 in 64 after a thread's first 2 instead of 1 "
                               "in 256 after a thread's first"));
}

TEST(Governor, ComesToRestUnderASteadyLoadWhateverItIs) {
  for (double rest = 0; rest < 0.02; rest += 0.0013) {
    for (double walks = 0; walks < 0.08; walks += 0.0017) {
      Governor governor(kBudget);
      const Host host{.rest = rest, .full = {walks / 8, walks / 4, walks}};
      Observe(host, 60, &governor);
      EXPECT_EQ(Observe(host, 200, &governor), 0) << rest << " " << walks;
    }
  }
}

TEST(Governor, DoesNotTakeTheEndOfAWindowForALastingCost) {
  Governor governor(kBudget);
  for (int i = 0; i < 5; ++i) governor.Take({.programs = 0.003, .own_cpu = 0.002, .walks = {0.001, 0.001, 0.001}});
  EXPECT_THAT(governor.Take({.programs = 0.003, .own_cpu = 0.02, .walks = {0.001, 0.001, 0.001}}), IsEmpty());
  EXPECT_NEAR(governor.OwnCost(), 0.005, 1e-9);
}

TEST(Governor, TakesAnotherBudgetWhileItRuns) {
  Governor governor(0.01);
  CostReading reading;
  reading.programs = 0.02;
  reading.own_cpu = 0;
  reading.walks = {0.005, 0.005, 0.01};
  governor.Take(reading);
  ASSERT_EQ(governor.AllLowered().size(), 1u);
  governor.SetBudget(0.05);
  EXPECT_EQ(governor.AllLowered().size(), 1u);  // taken back as there is room, as ever
  EXPECT_EQ(governor.Take(reading), "");
  governor.SetBudget(0);
  EXPECT_TRUE(governor.AllLowered().empty());
  EXPECT_EQ(governor.Take(reading), "");
  governor.SetBudget(0.01);
  EXPECT_NE(governor.Take(reading), "");
}

}  // namespace
}  // namespace sonde::control
