#include "agent/symbolize/scheduler_cut.h"

#include <gtest/gtest.h>

#include <vector>

namespace sonde::symbolize {
namespace {

using KeptNames = std::vector<std::string_view>;

TEST(SchedulerCut, CutsTheTracingMachineryAboveTheScheduler) {
  EXPECT_EQ(CountTracingFrames(KeptNames{"bpf_get_stackid_raw_tp", "bpf_prog_1234_on_switch", "bpf_trace_run4",
                                         "__traceiter_sched_switch", "__schedule", "schedule", "do_nanosleep"}),
            4U);
  EXPECT_EQ(CountTracingFrames(KeptNames{"bpf_prog_1234_on_switch", "", "", "__schedule.constprop.0", "schedule"}), 3U);
  EXPECT_EQ(CountTracingFrames(KeptNames{"bpf_trace_run4", "preempt_schedule_irq", "irqentry_exit"}), 1U);
}

TEST(SchedulerCut, CutsNothingWhereTheStackBeginsInTheScheduler) {
  EXPECT_EQ(CountTracingFrames(KeptNames{"__schedule", "schedule", "futex_wait_queue"}), 0U);
}

TEST(SchedulerCut, CutsByNameWhereNoSchedulerIsNear) {
  EXPECT_EQ(CountTracingFrames(KeptNames{"bpf_prog_1234_x", "bpf_trace_run4", "do_task_dead", "do_exit"}), 2U);
  EXPECT_EQ(CountTracingFrames(KeptNames{"do_sys_poll", "bpf_prog_1234_x"}), 0U);
  EXPECT_EQ(CountTracingFrames(KeptNames{}), 0U);
}

TEST(SchedulerCut, LooksForTheSchedulerAmongTheFirstTwelveOnly) {
  KeptNames deep(12, "ordinary");
  deep.push_back("__schedule");
  EXPECT_EQ(CountTracingFrames(deep), 0U);
}

}  // namespace
}  // namespace sonde::symbolize
