#include "agent/capture/thread_places.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace sonde::capture {
namespace {

using model::StackOf;
using profile::Reason;

constexpr model::StackId kWaitStack{100, 1}, kSampleStack{200, 1};

abi::thread_now Told(abi::reason reason, model::StackId stack) {
  abi::thread_now told{};
  told.tgid = 7;
  told.tid = 8;
  told.reason = static_cast<uint16_t>(reason);
  told.wait_reason = abi::REASON_LOCK;
  told.wait_syscall = REASON_NO_SYSCALL;
  told.since_ns = 1'000;
  told.wait_stack = {stack.low, stack.high};
  std::strcpy(told.comm, "worker");
  return told;
}

abi::last_sample Sample(uint32_t tid, uint64_t at_ns) {
  abi::last_sample sample{};
  sample.tgid = 7;
  sample.tid = tid;
  sample.at_ns = at_ns;
  sample.stack = {kSampleStack.low, kSampleStack.high};
  return sample;
}

class ThreadPlaces : public testing::Test {
 protected:
  ThreadPlaces() {
    auto process = std::make_shared<model::ProcessInfo>();
    process->tgid = 7;
    process_ = process;
    auto wait = std::make_shared<model::RawStack>();
    wait->process = process_;
    wait_ = wait;
    sample_ = std::make_shared<model::RawStack>(*wait);
  }

  model::ThreadNow Placed(const abi::thread_now& told, const std::vector<abi::last_sample>& samples = {}) {
    return ToThreadNow(told, samples, process_, [this](model::StackId id) {
      return id == kWaitStack ? wait_ : id == kSampleStack ? sample_ : nullptr;
    });
  }

  model::ProcessInfoPtr process_;
  std::shared_ptr<const model::RawStack> wait_, sample_;
};

TEST_F(ThreadPlaces, HaveABlockedThreadAtTheStackOfItsWait) {
  const model::ThreadNow now = Placed(Told(abi::REASON_LOCK, kWaitStack), {Sample(8, 5'000)});
  EXPECT_EQ(now.reason, Reason::kLock);
  EXPECT_EQ(now.comm, "worker");
  EXPECT_EQ(now.stack, wait_);
  EXPECT_EQ(now.stack_of, StackOf::kNow);
  EXPECT_EQ(now.since_ns, 1'000U);
  EXPECT_FALSE(now.kernel_only);
}

TEST_F(ThreadPlaces, HaveAWokenThreadStillWhereItWaited) {
  EXPECT_EQ(Placed(Told(abi::REASON_RUN_QUEUE, kWaitStack)).stack_of, StackOf::kNow);
}

TEST_F(ThreadPlaces, SayOfAPreemptedThreadThatItsStackIsTheLastOneSeen) {
  abi::thread_now told = Told(abi::REASON_PREEMPTED, kWaitStack);
  told.wait_reason = abi::REASON_PREEMPTED;
  EXPECT_EQ(Placed(told).stack_of, StackOf::kLastLeft);
}

TEST_F(ThreadPlaces, HaveARunningThreadAtItsOwnSampleSinceItCameToTheCpu) {
  const std::vector<abi::last_sample> samples = {Sample(8, 2'000), Sample(8, 3'000), Sample(9, 4'000)};
  const model::ThreadNow now = Placed(Told(abi::REASON_ON_CPU, kWaitStack), samples);
  EXPECT_EQ(now.stack, sample_);
  EXPECT_EQ(now.stack_of, StackOf::kSample);
  EXPECT_EQ(now.stack_ns, 3'000U);
}

TEST_F(ThreadPlaces, HaveARunningThreadWithoutSampleWhereItLeftTheCpuBefore) {
  const model::ThreadNow now = Placed(Told(abi::REASON_ON_CPU, kWaitStack), {Sample(8, 999)});
  EXPECT_EQ(now.stack, wait_);
  EXPECT_EQ(now.stack_of, StackOf::kLastLeft);
}

TEST_F(ThreadPlaces, HaveTheKernelsPartWhereNoStackWasDrawn) {
  abi::thread_now told = Told(abi::REASON_LOCK, model::kStackNotDrawn);
  told.kernel_frames = 2;
  told.frames[0] = 0xffffffff81000000;
  const model::ThreadNow now = Placed(told);
  ASSERT_NE(now.stack, nullptr);
  EXPECT_EQ(now.stack->kernel.size(), 2U);
  EXPECT_TRUE(now.kernel_only);
  EXPECT_EQ(now.missing, model::kStackNotDrawn);
}

TEST_F(ThreadPlaces, KnowNothingOfAThreadWithoutClockAndSaySo) {
  abi::thread_now told = Told(abi::REASON_LOCK, kWaitStack);
  told.reason = REASON_UNKNOWN;
  const model::ThreadNow now = Placed(told);
  EXPECT_EQ(now.reason, std::nullopt);
  EXPECT_EQ(now.stack, nullptr);
}

TEST_F(ThreadPlaces, SayThatAStackIsLostWhoseFramesAreGone) {
  const model::ThreadNow now = Placed(Told(abi::REASON_LOCK, {300, 1}));
  EXPECT_EQ(now.stack, nullptr);
  EXPECT_EQ(now.missing, model::kStackLost);
}

}  // namespace
}  // namespace sonde::capture
