#include "agent/app/recent_slices.h"

#include <gtest/gtest.h>

namespace sonde::app {
namespace {

constexpr uint64_t kNsPerSecond = 1'000'000'000;

std::shared_ptr<const model::Slice> SliceOf(uint64_t start_s, uint64_t end_s, size_t samples = 0) {
  auto slice = std::make_shared<model::Slice>();
  slice->start_ns = start_s * kNsPerSecond;
  slice->end_ns = end_s * kNsPerSecond;
  slice->samples.resize(samples);
  return slice;
}

std::vector<telemetry::Loss> LostSoFar(uint64_t count) { return {{"ring_full", "stack", "", count}}; }

std::vector<uint64_t> StartsOf(const RecentSlices::Past& past) {
  std::vector<uint64_t> starts;
  for (const auto& slice : past.slices) starts.push_back(slice->start_ns / kNsPerSecond);
  return starts;
}

TEST(RecentSlices, GivesThoseFromTheOneOnInWhichTheAskedTimeLies) {
  RecentSlices recent({});
  for (uint64_t start : {10, 20, 30}) recent.Add(SliceOf(start, start + 10), LostSoFar(start));
  EXPECT_EQ(StartsOf(recent.Since(25 * kNsPerSecond)), (std::vector<uint64_t>{20, 30}));
  EXPECT_EQ(StartsOf(recent.Since(30 * kNsPerSecond)), (std::vector<uint64_t>{30}));
  EXPECT_EQ(StartsOf(recent.Since(0)), (std::vector<uint64_t>{10, 20, 30}));
  EXPECT_TRUE(recent.Since(40 * kNsPerSecond).slices.empty());
}

TEST(RecentSlices, TellsWhatWasLostBeforeTheFirstOfThem) {
  RecentSlices recent({});
  for (uint64_t start : {10, 20, 30}) recent.Add(SliceOf(start, start + 10), LostSoFar(start));
  const RecentSlices::Past past = recent.Since(25 * kNsPerSecond);
  ASSERT_EQ(past.losses_before.size(), 1U);
  EXPECT_EQ(past.losses_before[0].count, 20U);
}

TEST(RecentSlices, ForgetsWhatIsTooOld) {
  RecentSlices recent({.ns = 25 * kNsPerSecond});
  for (uint64_t start : {10, 20, 30}) recent.Add(SliceOf(start, start + 10), {});
  EXPECT_EQ(StartsOf(recent.Since(0)), (std::vector<uint64_t>{20, 30}));
}

TEST(RecentSlices, EndWhereWhatIsAskedForDoesWithTheLossesUpToThen) {
  RecentSlices recent({});
  for (uint64_t start : {10, 20, 30, 40}) recent.Add(SliceOf(start, start + 10), LostSoFar(start));
  const RecentSlices::Past past = recent.Since(15 * kNsPerSecond, 35 * kNsPerSecond);
  EXPECT_EQ(StartsOf(past), (std::vector<uint64_t>{10, 20, 30}));
  ASSERT_TRUE(past.losses_after.has_value());
  EXPECT_EQ(past.losses_after->at(0).count, 40U);
  EXPECT_FALSE(recent.Since(0).losses_after.has_value());
}

TEST(RecentSlices, CountsAProcessThatLivesOnOnce) {
  const auto with_process = [](uint64_t start, const model::ProcessInfoPtr& process) {
    auto slice = std::make_shared<model::Slice>(*SliceOf(start, start + 10));
    slice->processes[7] = process;
    return slice;
  };
  auto process = std::make_shared<model::ProcessInfo>();
  process->mappings.resize(1'000);
  const size_t bytes = 1'000 * sizeof(model::Mapping);
  RecentSlices lives_on({}), others_come({});
  for (uint64_t start : {10, 20, 30}) {
    lives_on.Add(with_process(start, process), {});
    others_come.Add(with_process(start, std::make_shared<model::ProcessInfo>(*process)), {});
  }
  EXPECT_LT(lives_on.Bytes(), 2 * bytes);
  EXPECT_GT(others_come.Bytes(), 3 * bytes);
}

TEST(RecentSlices, ForgetsTheOldestWhereMuchHappensButNeverTheLatest) {
  const size_t bytes = 100 * sizeof(model::RawSample);
  RecentSlices recent({.bytes = 3 * bytes});
  for (uint64_t start : {10, 20, 30}) recent.Add(SliceOf(start, start + 10, 100), {});
  EXPECT_EQ(StartsOf(recent.Since(0)), (std::vector<uint64_t>{20, 30}));
  EXPECT_LE(recent.Bytes(), 3 * bytes);
  recent.Add(SliceOf(40, 50, 1'000), {});
  EXPECT_EQ(StartsOf(recent.Since(0)), (std::vector<uint64_t>{40}));
}

}  // namespace
}  // namespace sonde::app
