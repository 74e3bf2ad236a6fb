#include "agent/app/status_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"

namespace sonde::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

StatusInputs Healthy() {
  StatusInputs inputs;
  inputs.kernel.samples = 900;
  inputs.kernel.waits = 100;
  inputs.targets.resize(1);
  inputs.targets[0].endpoint = "127.0.0.1:7171";
  inputs.targets[0].sent = 3;
  inputs.own = {.uptime_ns = 1'000'000, .cpu_ns = 10'000, .rss_bytes = 1, .cpus = 2};
  return inputs;
}

TEST(StatusReport, IsHealthyWhenProfilesArriveAndTimeIsExplained) {
  StatusInputs inputs = Healthy();
  inputs.losses = {{"ring_full", "stacks", "", 10}, {"thread_hidden", "switches", "", 100'000}};
  EXPECT_TRUE(MakeStatus(inputs).healthy());
}

TEST(StatusReport, NamesATargetThatTakesNothing) {
  StatusInputs inputs = Healthy();
  inputs.targets[0].last_error = "connection refused";
  inputs.targets[0].waiting = 4;
  auto reply = MakeStatus(inputs);
  EXPECT_FALSE(reply.healthy());
  EXPECT_THAT(reply.problems(), ElementsAre(HasSubstr("4 wait: connection refused")));
}

TEST(StatusReport, NamesLossesAboveOnePerCent) {
  StatusInputs inputs = Healthy();
  inputs.losses = {{"ring_full", "stacks", "", 11}};
  EXPECT_THAT(MakeStatus(inputs).problems(), ElementsAre(HasSubstr("11 of 1000")));
}

TEST(StatusReport, NamesTimeThatNothingExplains) {
  StatusInputs inputs = Healthy();
  inputs.window.unexplained_ratio = 0.0123;
  EXPECT_THAT(MakeStatus(inputs).problems(), ElementsAre(HasSubstr("1.23 %")));
}

TEST(StatusReport, AddsProgramsAndOwnCpuToTheOverheadOfTheWholeMachine) {
  StatusInputs inputs = Healthy();
  inputs.kernel.programs = {{.name = "on_switch", .run_time_ns = 30'000, .run_count = 10, .misses = 0}};
  EXPECT_DOUBLE_EQ(MakeStatus(inputs).overhead_ratio(), 0.02);
}

TEST(StatusReport, ReadsTheCostOfItsOwnProcess) {
  OwnCost cost = ReadOwnCost(base::MonotonicNs() - 1000);
  EXPECT_GT(cost.rss_bytes, 1U << 20);
  EXPECT_GT(cost.cpus, 0U);
  EXPECT_GE(cost.uptime_ns, 1000U);
}

}  // namespace
}  // namespace sonde::app
