#include "agent/app/overhead.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::app {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// After `seconds` on two CPUs: a tenth of one in the programs, of which most in 5,000 walks a second at new places.
Usage After(uint64_t seconds) {
  return {.now_ns = 100 * kSecond + seconds * kSecond,
          .now_unix_ns = static_cast<int64_t>(seconds),
          .cpus = 2,
          .programs_cpus = 0.1,
          .own_cpu_ns = seconds * kSecond / 50,
          .walk_ns = seconds * 40'000'000,
          .walks = seconds * 10'000,
          .walks_of = {0, 0, seconds * 5'000}};
}

TEST(Overhead, IsReadAsSharesOfTheWholeMachine) {
  Overhead overhead(0);
  overhead.Begin(After(10));
  overhead.Take(After(20));
  overhead.Take(After(30));
  const OverheadFacts facts = overhead.Facts();
  EXPECT_TRUE(facts.is_measured);
  EXPECT_DOUBLE_EQ(facts.programs, 0.05);
  EXPECT_DOUBLE_EQ(facts.own_cpu, 0.01);
}

TEST(Overhead, LeavesTheOwnCpuTimeOfTheStartOut) {
  Overhead overhead(0.01);
  overhead.Begin(After(10));
  EXPECT_FALSE(overhead.Facts().is_measured);
  Usage busy = After(20);
  busy.programs_cpus = 0;
  busy.own_cpu_ns += 15 * kSecond;
  EXPECT_FALSE(overhead.Take(busy));
  EXPECT_TRUE(overhead.Facts().is_measured);
  EXPECT_EQ(overhead.Facts().own_cpu, 0);
}

TEST(Overhead, TellsWhatIsLoweredSinceWhenAndForgetsWhatNoLongerIs) {
  Overhead overhead(0.01);
  overhead.Begin(After(10));
  EXPECT_TRUE(overhead.Take(After(20)));
  EXPECT_TRUE(overhead.Take(After(30)));
  EXPECT_EQ(overhead.Selection().walk_one_in, 16U);
  OverheadFacts facts = overhead.Facts();
  ASSERT_EQ(facts.lowered.size(), 1U);
  EXPECT_EQ(facts.lowered[0].now, "1 in 16 after a thread's first 4");
  EXPECT_EQ(facts.lowered[0].full, "all");
  EXPECT_EQ(facts.lowered[0].since_unix_ns, 20);
  Usage idle = After(30);
  for (int i = 0; i < 30; ++i) {
    idle.now_ns += 10 * kSecond;
    idle.programs_cpus = 0;
    overhead.Take(idle);
  }
  EXPECT_THAT(overhead.Facts().lowered, testing::IsEmpty());
}

}  // namespace
}  // namespace sonde::app
