#include <bpf/bpf.h>

#include <map>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/kernel/bpf_cost.h"
#include "base/unique_fd.h"
#include "tests/bpf_kernel/live_capture.h"

namespace sonde::bpf_kernel {
namespace {

struct Spent {
  double ns = 0;
  double runs = 0;
};

// What the kernel itself counts of the program with this id, to whom it tells it.
Spent CountedByKernel(uint32_t id) {
  const base::UniqueFd program(bpf_prog_get_fd_by_id(id));
  bpf_prog_info info{};
  uint32_t size = sizeof(info);
  EXPECT_EQ(bpf_obj_get_info_by_fd(program.Get(), &info, &size), 0);
  return {static_cast<double>(info.run_time_ns), static_cast<double>(info.run_cnt)};
}

class RunTime : public LiveCapture {
 protected:
  // By program; `by_kernel`: what the kernel counts, else what the programs do.
  std::map<std::string, Spent> Costs(bool by_kernel) {
    std::map<std::string, Spent> costs;
    auto all = capture_->ProgramCosts();
    EXPECT_TRUE(all.ok()) << all.status();
    for (const kernel::ProgramCost& cost : *all) {
      costs[cost.name] = by_kernel ? CountedByKernel(cost.id)
                                   : Spent{static_cast<double>(cost.run_time_ns), static_cast<double>(cost.run_count)};
    }
    return costs;
  }
};

TEST_F(RunTime, IsNotTakenUnlessAskedFor) {
  Start();
  Measure(absl::Milliseconds(200));
  for (const auto& [name, spent] : Costs(false)) EXPECT_EQ(spent.runs, 0) << name;
}

TEST_F(RunTime, IsAsTheKernelCountsItOfEveryProgram) {
  Start();
  capture_->WatchDisks(true);
  ASSERT_TRUE(capture_->WatchConnections(true).ok());
  ASSERT_TRUE(capture_->WatchOtherSide(true).ok());
  const base::UniqueFd counting(bpf_enable_stats(BPF_STATS_RUN_TIME));
  ASSERT_TRUE(counting.IsValid());
  const auto kernel_before = Costs(true), own_before = Costs(false);
  ASSERT_TRUE(capture_->TimeRuns(true).ok());
  for (int i = 0; i < 200; ++i) absl::SleepFor(absl::Milliseconds(1));  // a switch each, on an idle machine too
  Measure(absl::Seconds(1));
  ASSERT_TRUE(capture_->TimeRuns(false).ok());
  const auto own = Costs(false), kernel = Costs(true);

  double own_ns = 0, kernel_ns = 0;
  for (const auto& [name, spent] : own) {
    const double runs = spent.runs - own_before.at(name).runs;
    const double runs_of_kernel = kernel.at(name).runs - kernel_before.at(name).runs;
    // Switching on and off takes a moment, in which only the kernel counts.
    EXPECT_LE(runs, runs_of_kernel) << name;
    EXPECT_GE(runs, 0.9 * runs_of_kernel - 50) << name;
    own_ns += spent.ns - own_before.at(name).ns;
    kernel_ns += kernel.at(name).ns - kernel_before.at(name).ns;
  }
  RecordProperty("own_ns", std::to_string(own_ns));
  RecordProperty("kernel_ns", std::to_string(kernel_ns));
  EXPECT_GT(own.at("on_switch").runs, 100);
  EXPECT_GT(own.at("on_tick").runs, 10);
  EXPECT_GT(own.at("each_thread").runs, 10);
  // In the kernel's are the readings of the clock that ours takes, some 40 of 200 ns: 4.4 ms, of which ours says 4.0.
  EXPECT_LT(own_ns, kernel_ns);
  EXPECT_GT(own_ns, 0.5 * kernel_ns);
}

}  // namespace
}  // namespace sonde::bpf_kernel
