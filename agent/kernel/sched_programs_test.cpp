#include "agent/kernel/sched_programs.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace sonde::kernel {
namespace {

constexpr auto kNoRecord = [](std::span<const std::byte>) {};

TEST(SchedPrograms, HaveMapsOfTheOtherSideOnlyWhileItIsWatched) {
  if (::geteuid() != 0) GTEST_SKIP() << "loading BPF programs needs root";
  auto features = ProbeFeatures();
  ASSERT_TRUE(features.ok()) << features.status();
  auto maps = UnwindMaps::Create();
  ASSERT_TRUE(maps.ok()) << maps.status();
  auto programs = SchedPrograms::Load(*features, **maps, kNoRecord);
  ASSERT_TRUE(programs.ok()) << programs.status();
  ASSERT_TRUE((*programs)->Attach([] {}).ok());
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ((*programs)->OtherSideBytes(), 0U);
    ASSERT_TRUE((*programs)->DrainWakers(0, [](auto...) {}).ok()) << "there is nothing to drain";
    ASSERT_TRUE((*programs)->WatchOtherSide(true).ok());
    EXPECT_GT((*programs)->OtherSideBytes(), uint64_t{2} << 20);
    for (uint32_t slice : {0U, 1U}) {
      EXPECT_TRUE((*programs)->DrainWakers(slice, [](auto...) {}).ok());
      EXPECT_TRUE((*programs)->DrainCounterparts(slice, [](auto...) {}).ok());
    }
    ASSERT_TRUE((*programs)->WatchOtherSide(false).ok());
  }
  EXPECT_EQ((*programs)->OtherSideBytes(), 0U);
}

}  // namespace
}  // namespace sonde::kernel
