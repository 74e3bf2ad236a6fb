#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/bpf_kernel/live_capture.h"

namespace sonde::bpf_kernel {
namespace {

constexpr absl::Duration kLength = absl::Milliseconds(200);

// Threads that wait in run queues all the time.
class SaturationCapture : public LiveCapture {
 protected:
  SaturationCapture() {
    for (int i = 0; i < 4; ++i) {
      sleepers_.emplace_back([](const std::stop_token& stop) {
        while (!stop.stop_requested()) absl::SleepFor(absl::Microseconds(200));
      });
    }
  }

  static uint64_t OfCpus(const model::Slice& slice) {
    uint64_t count = 0;
    for (const model::CpuQueue& queue : slice.saturation.queues) count += queue.woken.count + queue.preempted.count;
    return count;
  }

  static uint64_t OfProcesses(const model::Slice& slice) {
    uint64_t count = 0;
    for (const model::RawSample& sample : slice.samples) {
      const bool is_queued =
          sample.reason == profile::Reason::kRunQueue || sample.reason == profile::Reason::kPreempted;
      if (is_queued) count += sample.count;
    }
    return count;
  }

  static void ExpectWhole(const model::Slice& slice) {
    ASSERT_TRUE(slice.saturation.begin != nullptr && slice.saturation.end != nullptr);
    EXPECT_GT(slice.saturation.end->at_ns, slice.saturation.begin->at_ns);
    EXPECT_GT(OfCpus(slice), 100U);
    EXPECT_NEAR(static_cast<double>(OfCpus(slice)), static_cast<double>(OfProcesses(slice)),
                0.01 * static_cast<double>(OfProcesses(slice)));
  }

  std::vector<std::jthread> sleepers_;
};

TEST_F(SaturationCapture, CountsNothingUntilSomebodyAsks) {
  Start();
  const model::Slice slice = Measure(kLength);
  EXPECT_EQ(slice.saturation.end, nullptr);
  EXPECT_TRUE(slice.saturation.queues.empty());
}

TEST_F(SaturationCapture, CountsTheWaitsThatProcessesHave) {
  Start();
  ASSERT_TRUE(capture_->WatchSaturation(true).ok());
  EXPECT_EQ(Measure(kLength).saturation.begin, nullptr);  // it was not watched from its beginning
  ExpectWhole(Measure(kLength));
  ExpectWhole(Measure(kLength));
}

TEST_F(SaturationCapture, ForgetsWhatAnEarlierWatchLeftBehind) {
  Start();
  ASSERT_TRUE(capture_->WatchSaturation(true).ok());
  Measure(kLength);
  absl::SleepFor(kLength);  // counted, and never taken
  ASSERT_TRUE(capture_->WatchSaturation(false).ok());
  EXPECT_EQ(Measure(kLength).saturation.end, nullptr);
  ASSERT_TRUE(capture_->WatchSaturation(true).ok());
  Measure(kLength);
  ExpectWhole(Measure(kLength));  // in the same half of the map as what was left
}

}  // namespace
}  // namespace sonde::bpf_kernel
