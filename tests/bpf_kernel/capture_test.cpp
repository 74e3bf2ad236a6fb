#include "agent/capture/capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "tests/bpf_kernel/live_capture.h"

namespace sonde::bpf_kernel {
namespace {

using profile::Reason;

uint32_t Tid() { return static_cast<uint32_t>(::syscall(SYS_gettid)); }
uint32_t Pid() { return static_cast<uint32_t>(::getpid()); }

uint64_t Explained(const model::ThreadAccount& thread) { return profile::SumOf(thread.ns); }

// The time that a thread existed within the slice.
uint64_t Wall(const model::ThreadAccount& thread, const model::Slice& slice) {
  uint64_t start = std::max(thread.started_ns, slice.start_ns);
  uint64_t end = thread.ended_ns != 0 ? thread.ended_ns : slice.end_ns;
  return end > start ? end - start : 0;
}

std::optional<model::ThreadAccount> FindThread(const model::Slice& slice, uint32_t tid) {
  auto found = std::ranges::find(slice.threads, tid, &model::ThreadAccount::tid);
  if (found == slice.threads.end()) return std::nullopt;
  return *found;
}

void Spin(const std::atomic<bool>& stop) {
  while (!stop.load(std::memory_order_relaxed)) {
  }
}

// A thread that runs `body` until the end of the scope; its id is known at once.
class Background {
 public:
  explicit Background(void (*body)(const std::atomic<bool>&)) {
    thread_ = std::thread([this, body] {
      tid_.store(Tid());
      body(stop_);
    });
    while (tid_.load() == 0) std::this_thread::yield();
  }
  ~Background() {
    stop_.store(true);
    thread_.join();
  }
  uint32_t Id() const { return tid_.load(); }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<uint32_t> tid_{0};
  std::thread thread_;
};

void SleepInSteps(const std::atomic<bool>& stop) {
  while (!stop.load()) ::usleep(1000);
}

void SleepLong(const std::atomic<bool>& stop) {
  while (!stop.load()) ::usleep(200'000);
}

TEST_F(LiveCapture, ClosesTheTimeOfEveryThreadToWallTime) {
  Background spinner(Spin), second(Spin), third(Spin), sleeper(SleepInSteps);
  Start();
  model::Slice slice = Measure(absl::Seconds(2));
  ASSERT_FALSE(slice.threads.empty());
  for (const model::ThreadAccount& thread : slice.threads) {
    double wall = static_cast<double>(Wall(thread, slice));
    EXPECT_NEAR(static_cast<double>(Explained(thread)), wall, wall * 0.005 + 200'000) << thread.comm << thread.tid;
  }
}

TEST_F(LiveCapture, GivesASpinnersTimeToTheCpuAndTheRunQueue) {
  Background spinner(Spin), second(Spin), third(Spin), fourth(Spin);
  Start();
  model::Slice slice = Measure(absl::Seconds(2));
  auto account = FindThread(slice, spinner.Id());
  ASSERT_TRUE(account.has_value());
  EXPECT_GT(profile::At(account->ns, Reason::kOnCpu), 0U);
  EXPECT_GT(profile::At(account->ns, Reason::kPreempted), 0U);
  EXPECT_LT(profile::SumOfBlocked(account->ns), Wall(*account, slice) / 50);
}

TEST_F(LiveCapture, CountsAWaitThatNeverEndsInEverySliceWithItsStack) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  std::atomic<uint32_t> tid{0};
  std::thread reader([&] {
    tid.store(Tid());
    char byte;
    EXPECT_EQ(::read(pipe_ends[0], &byte, 1), 1);
  });
  while (tid.load() == 0) std::this_thread::yield();
  absl::SleepFor(absl::Milliseconds(100));
  Start();
  for (int i = 0; i < 3; ++i) {
    model::Slice slice = Measure(absl::Milliseconds(500));
    auto account = FindThread(slice, tid.load());
    ASSERT_TRUE(account.has_value());
    EXPECT_EQ(profile::At(account->ns, Reason::kPipe), slice.end_ns - slice.start_ns);
    auto has_stack = [&](const model::RawSample& sample) {
      return sample.tgid == Pid() && sample.reason == Reason::kPipe && slice.stacks.contains(sample.stack) &&
             slice.stacks[sample.stack]->asleep_since_before && sample.ns >= slice.end_ns - slice.start_ns &&
             !slice.stacks[sample.stack]->kernel.empty();
    };
    EXPECT_TRUE(std::ranges::any_of(slice.samples, has_stack)) << "slice " << i;
  }
  EXPECT_EQ(::write(pipe_ends[1], "x", 1), 1);
  reader.join();
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST_F(LiveCapture, TellsThreadsApartThatSleptSinceBeforeByTheirStacks) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  std::atomic<bool> is_over{false};
  std::thread reader([&] {
    char byte;
    EXPECT_EQ(::read(pipe_ends[0], &byte, 1), 1);
  });
  std::thread waiter([&] { is_over.wait(false); });
  absl::SleepFor(absl::Milliseconds(100));
  Start();
  model::Slice slice = Measure(absl::Milliseconds(200));
  std::vector<std::vector<uint64_t>> in_pipe, elsewhere;
  for (const model::RawSample& sample : slice.samples) {
    if (sample.tgid != Pid() || !slice.stacks.contains(sample.stack)) continue;
    const model::RawStack& stack = *slice.stacks[sample.stack];
    if (stack.asleep_since_before) (sample.reason == Reason::kPipe ? in_pipe : elsewhere).push_back(stack.kernel);
  }
  ASSERT_EQ(in_pipe.size(), 1U);
  EXPECT_THAT(elsewhere, testing::Not(testing::IsEmpty()));
  EXPECT_THAT(elsewhere, testing::Not(testing::Contains(in_pipe[0])));
  is_over.store(true);
  is_over.notify_all();
  EXPECT_EQ(::write(pipe_ends[1], "x", 1), 1);
  reader.join();
  waiter.join();
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST_F(LiveCapture, KeepsTheAccountOfThreadsThatExitWithinTheSlice) {
  Start();
  std::vector<uint32_t> tids;
  for (int i = 0; i < 200; ++i) {
    uint32_t tid = 0;
    std::thread([&tid] {
      tid = Tid();
      ::usleep(2000);
    }).join();
    tids.push_back(tid);
    ASSERT_TRUE(
        capture_->Poll().ok());  // on a busy machine this takes seconds: the programs are to see that somebody lives
  }
  model::Slice slice = Measure(absl::Milliseconds(200));
  size_t slept_whole = 0;
  for (uint32_t tid : tids) {
    auto account = FindThread(slice, tid);
    ASSERT_TRUE(account.has_value()) << tid;
    EXPECT_NE(account->ended_ns, 0U);
    if (profile::At(account->ns, Reason::kSleep) > 1'900'000U) ++slept_whole;
    EXPECT_EQ(Explained(*account), account->ended_ns - account->started_ns);
  }
  // Who is held up between setting the timer and leaving the CPU, by another thread or the hypervisor, sleeps the
  // shorter.
  EXPECT_GT(slept_whole, tids.size() * 9 / 10);
}

TEST_F(LiveCapture, AddsOffCpuSamplesUpToTheExactClocks) {
  Background spinner(Spin), second(Spin), third(Spin), sleeper(SleepInSteps), slow(SleepLong);
  Start();
  Measure(absl::Milliseconds(300));
  model::Slice slice = Measure(absl::Seconds(2));
  profile::ReasonTimes clocks{}, samples{};
  for (const model::ThreadAccount& thread : slice.threads) {
    profile::Add(thread.ns, &clocks);
  }
  for (const model::RawSample& sample : slice.samples) profile::At(samples, sample.reason) += sample.ns;
  for (const Reason reason : profile::AllReasons()) {
    if (reason == Reason::kOnCpu) continue;
    const auto exact = static_cast<double>(profile::At(clocks, reason));
    EXPECT_NEAR(static_cast<double>(profile::At(samples, reason)), exact, exact * 0.001 + 100'000)
        << profile::ReasonName(reason);
  }
}

TEST_F(LiveCapture, SamplesASpinnerAtTheRateAskedFor) {
  Start();
  uint64_t busy_ns = 0;
  {
    Background spinner(Spin);
    model::Slice slice = Measure(absl::Seconds(2));
    auto account = FindThread(slice, spinner.Id());
    ASSERT_TRUE(account.has_value());
    busy_ns = profile::At(account->ns, Reason::kOnCpu);
    uint64_t samples = 0;
    for (const model::RawSample& sample : slice.samples) {
      if (sample.tgid == Pid() && sample.reason == Reason::kOnCpu) samples += sample.count;
    }
    EXPECT_NEAR(static_cast<double>(samples), static_cast<double>(busy_ns) / 1e9 * 99, 20);
  }
}

TEST_F(LiveCapture, WorksWithoutTaskStorage) {
  features_.task_storage = false;
  Background spinner(Spin), sleeper(SleepInSteps);
  Start();
  model::Slice slice = Measure(absl::Seconds(1));
  auto account = FindThread(slice, sleeper.Id());
  ASSERT_TRUE(account.has_value());
  EXPECT_EQ(Explained(*account), Wall(*account, slice));
  EXPECT_GT(profile::At(account->ns, Reason::kSleep), Wall(*account, slice) / 2);
}

}  // namespace
}  // namespace sonde::bpf_kernel
