#include "agent/unwind/range_allocator.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace sonde::unwind {
namespace {

TEST(RangeAllocator, GivesTheLowestRangeThatFits) {
  RangeAllocator ranges(10);
  EXPECT_EQ(ranges.Take(3), 0U);
  EXPECT_EQ(ranges.Take(3), 3U);
  EXPECT_EQ(ranges.Take(3), 6U);
  EXPECT_EQ(ranges.Take(2), std::nullopt);
  ranges.Give(0, 3);
  EXPECT_EQ(ranges.Take(2), 0U);
  EXPECT_EQ(ranges.Take(1), 2U);
  EXPECT_EQ(ranges.Take(1), 9U);
  EXPECT_EQ(ranges.FreeCount(), 0U);
}

TEST(RangeAllocator, JoinsWhatComesBackInAnyOrder) {
  for (const auto& order : {std::vector<uint32_t>{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
    RangeAllocator ranges(9);
    while (ranges.Take(3)) {
    }
    for (uint32_t third : order) ranges.Give(third * 3, 3);
    EXPECT_EQ(ranges.Take(9), 0U);
  }
}

TEST(RangeAllocator, NeverGivesTheSameNumberTwice) {
  std::mt19937 random(1);
  RangeAllocator ranges(1'000);
  std::vector<bool> taken(1'000);
  std::vector<std::pair<uint32_t, uint32_t>> held;
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 2 == 0) {
      const auto count = static_cast<uint32_t>(1 + random() % 50);
      auto first = ranges.Take(count);
      if (!first) continue;
      for (uint32_t n = *first; n < *first + count; ++n) {
        ASSERT_FALSE(taken[n]);
        taken[n] = true;
      }
      held.emplace_back(*first, count);
    } else if (!held.empty()) {
      std::swap(held[random() % held.size()], held.back());
      auto [first, count] = held.back();
      held.pop_back();
      for (uint32_t n = first; n < first + count; ++n) taken[n] = false;
      ranges.Give(first, count);
    }
  }
}

}  // namespace
}  // namespace sonde::unwind
