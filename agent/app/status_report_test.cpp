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

TEST(StatusReport, TellsHowTheSpoolIsAndNamesItsTrouble) {
  StatusInputs inputs = Healthy();
  inputs.spool.directory = "/s";
  inputs.spool.bytes = 5;
  inputs.spool.oldest_age_ns = 7;
  inputs.spool.damaged_pieces = 1;
  EXPECT_TRUE(MakeStatus(inputs).healthy());
  EXPECT_EQ(MakeStatus(inputs).spool().directory(), "/s");
  EXPECT_EQ(MakeStatus(inputs).spool().bytes(), 5u);
  EXPECT_EQ(MakeStatus(inputs).spool().oldest_age_ns(), 7);
  EXPECT_EQ(MakeStatus(inputs).spool().damaged(), 1u);
  inputs.spool.trouble = "No space left on device";
  EXPECT_FALSE(MakeStatus(inputs).healthy());
  EXPECT_THAT(MakeStatus(inputs).problems(), ElementsAre(HasSubstr("/s: No space left on device")));
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

TEST(StatusReport, CountsEveryWorkerAsTheAgentsOwnCost) {
  StatusInputs inputs = Healthy();
  inputs.symbolizer.cpu_ns = 10'000;
  inputs.table_worker.cpu_ns = 20'000;
  inputs.debuginfo_worker.trouble = "it rests";
  inputs.debuginfo_worker.cpu_ns = 40'000;
  inputs.debuginfo_worker.rss_bytes = 7;
  const auto reply = MakeStatus(inputs);
  EXPECT_DOUBLE_EQ(reply.overhead_ratio(), 0.04);
  EXPECT_EQ(reply.debuginfo_worker().rss_bytes(), 7u);
  EXPECT_TRUE(reply.healthy()) << "profiles are whole without it";
  EXPECT_THAT(reply.degraded(), ElementsAre("no debug information is given away: it rests"));
}

TEST(StatusReport, TellsTheBudgetWhatIsLoweredForItAndHowWrongStacksAre) {
  StatusInputs inputs = Healthy();
  inputs.kernel.overhead = {.budget = 0.01,
                            .is_measured = true,
                            .programs = 0.02,
                            .own_cpu = 0.001,
                            .lowered = {{"stacks", "1 in 4", "all", 5}},
                            .is_beyond = true};
  inputs.kernel.stacks_not_drawn = 30;
  inputs.window.stack_error = {.off_cpu_ns = 1000, .left_out_ns = 500, .expected_ns = 20};
  const auto reply = MakeStatus(inputs);
  EXPECT_TRUE(reply.healthy());
  EXPECT_EQ(reply.overhead().budget_ratio(), 0.01);
  EXPECT_EQ(reply.overhead().programs_ratio(), 0.02);
  EXPECT_EQ(reply.overhead().lowered(0).now(), "1 in 4");
  EXPECT_EQ(reply.overhead().lowered(0).since_unix_ns(), 5);
  EXPECT_TRUE(reply.overhead().is_beyond());
  EXPECT_EQ(reply.overhead().stacks_not_drawn(), 30U);
  EXPECT_EQ(reply.overhead().not_drawn_ratio(), 0.5);
  EXPECT_EQ(reply.overhead().stack_error_ratio(), 0.02);
}

TEST(StatusReport, ReadsTheCostOfItsOwnProcess) {
  OwnCost cost = ReadOwnCost(base::MonotonicNs() - 1000);
  EXPECT_GT(cost.rss_bytes, 1U << 20);
  EXPECT_GT(cost.cpus, 0U);
  EXPECT_GE(cost.uptime_ns, 1000U);
}

}  // namespace
}  // namespace sonde::app
