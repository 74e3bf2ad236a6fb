#include "agent/export/spool_clock.h"

#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

SpoolClock ClockAt(int64_t wall_seconds, uint64_t boot_seconds) {
  return {.wall_ns = [=] { return wall_seconds * kSecondNs; },
          .boot_ns = [=] { return boot_seconds * kSecondNs; },
          .boot_id = "this"};
}

TEST(SpoolClock, KnowsTheAgeOfARecordOfThisBootWhateverTheWallClockDid) {
  const SpoolHeader header{.boot_id = "this", .boot_ns = 90 * kSecondNs, .wall_seconds = 5000};
  for (int64_t wall : {int64_t{0}, int64_t{5010}, int64_t{4'000'000'000}}) {
    EXPECT_EQ(BirthOf(header, ClockAt(wall, 100)), 90 * kSecondNs);
  }
}

TEST(SpoolClock, TakesTheAgeOfARecordOfAnotherBootFromTheWallClock) {
  const SpoolHeader header{.boot_id = "other", .boot_ns = 90 * kSecondNs, .wall_seconds = 5000};
  EXPECT_EQ(BirthOf(header, ClockAt(5300, 100)), -200 * kSecondNs);
}

TEST(SpoolClock, HoldsARecordOfTheFutureForNew) {
  const SpoolHeader header{.boot_id = "other", .boot_ns = 0, .wall_seconds = 5000};
  EXPECT_EQ(BirthOf(header, ClockAt(0, 100)), 100 * kSecondNs);
}

TEST(SpoolClock, ReadsTheMachinesOwn) {
  const SpoolClock clock = MachineClock();
  EXPECT_EQ(clock.boot_id.size(), 36u);
  const uint64_t earlier = clock.boot_ns();
  EXPECT_LE(earlier, clock.boot_ns());
  EXPECT_GT(clock.wall_ns(), 0);
}

}  // namespace
}  // namespace sonde::exporting
