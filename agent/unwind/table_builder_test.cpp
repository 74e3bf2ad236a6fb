#include "agent/unwind/table_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <memory>

#include "absl/synchronization/notification.h"
#include "base/clock.h"

namespace sonde::unwind {
namespace {

BuildQueue::Job JobOf(uint16_t id) { return {id, std::make_shared<const model::ExecutableFile>()}; }

constexpr base::CpuBudget::Limits kPlenty{.burst_ns = 1'000'000'000'000, .share = 1};

void BurnCpu(uint64_t ns) {
  timespec time{};
  auto spent = [&time] {
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
  };
  for (const uint64_t until = spent() + ns; spent() < until;) {
  }
}

TEST(TableBuilder, BuildsOnAThreadOfItsOwnAndCounts) {
  absl::Notification built;
  std::string thread_name(16, '\0');
  TableBuilder builder({.build =
                            [&](const BuildQueue::Job& job) {
                              EXPECT_EQ(job.id, 7);
                              ::pthread_getname_np(::pthread_self(), thread_name.data(), thread_name.size());
                              BurnCpu(1'000'000);
                              built.Notify();
                            },
                        .retire = [](uint16_t) {},
                        .tick = [] {}},
                       kPlenty);
  builder.Push(JobOf(7));
  built.WaitForNotification();
  builder.Stop();
  EXPECT_STREQ(thread_name.c_str(), "sonde-unwind");
  EXPECT_EQ(builder.Count().builds, 1U);
  EXPECT_GE(builder.Count().cpu_ns, 1'000'000U);
}

TEST(TableBuilder, RetiresInsteadOfBuilding) {
  std::vector<uint16_t> built, retired;
  absl::Notification begun, go_on, done;
  TableBuilder builder({.build =
                            [&](const BuildQueue::Job& job) {
                              built.push_back(job.id);
                              begun.Notify();
                              go_on.WaitForNotification();
                            },
                        .retire =
                            [&](uint16_t id) {
                              retired.push_back(id);
                              if (id == 2) done.Notify();
                            },
                        .tick = [] {}},
                       kPlenty);
  builder.Push(JobOf(1));
  begun.WaitForNotification();
  builder.Push(JobOf(2));
  builder.Retire({1, 2});
  go_on.Notify();
  done.WaitForNotification();
  builder.Stop();
  EXPECT_THAT(built, testing::ElementsAre(1));
  EXPECT_THAT(retired, testing::ElementsAre(1, 2));
}

TEST(TableBuilder, PausesWhenItsBudgetIsSpent) {
  absl::Mutex mutex;
  std::vector<uint64_t> began;
  TableBuilder builder({.build =
                            [&](const BuildQueue::Job&) {
                              absl::MutexLock lock(&mutex);
                              began.push_back(base::MonotonicNs());
                              BurnCpu(20'000'000);
                            },
                        .retire = [](uint16_t) {},
                        .tick = [] {}},
                       {.burst_ns = 1'000'000, .share = 0.25});
  for (uint16_t id = 1; id <= 3; ++id) builder.Push(JobOf(id));
  auto has_all = [&] { return began.size() == 3; };
  absl::MutexLock lock(&mutex);
  mutex.Await(absl::Condition(&has_all));
  // 20 ms, of which 1 ms were free and a quarter of the time it took came back: 4 * 19 - 20 ms of pause at least.
  EXPECT_GE(began[1] - began[0], 70'000'000U);
  EXPECT_GE(began[2] - began[1], 70'000'000U);
}

TEST(TableBuilder, TicksWhileThereIsNothingToDo) {
  absl::Notification ticked;
  TableBuilder builder({.build = [](const BuildQueue::Job&) {},
                        .retire = [](uint16_t) {},
                        .tick =
                            [&] {
                              if (!ticked.HasBeenNotified()) ticked.Notify();
                            }},
                       kPlenty);
  ticked.WaitForNotification();
}

}  // namespace
}  // namespace sonde::unwind
