#include "agent/export/number_set.h"

#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(NumberSet, JoinsRangesThatTouch) {
  NumberSet set;
  set.Insert(5, 7);
  set.Insert(9, 10);
  set.Insert(7, 9);
  EXPECT_THAT(set.Ranges(), ElementsAre(Pair(5, 10)));
  set.Insert(3, 3);
  EXPECT_THAT(set.Ranges(), ElementsAre(Pair(5, 10)));
}

TEST(NumberSet, FindsWhatIsMissingAtBothEnds) {
  NumberSet set;
  EXPECT_EQ(set.LastMissing(0), 0u);
  EXPECT_EQ(set.LastMissing(4), 3u);
  set.Insert(0, 3);
  set.Insert(6, 8);
  EXPECT_EQ(set.FirstMissing(0), 3u);
  EXPECT_EQ(set.FirstMissing(6), 8u);
  EXPECT_EQ(set.LastMissing(8), 5u);
  EXPECT_EQ(set.LastMissing(3), 3u) << "nothing is missing";
  EXPECT_EQ(set.CountMissing(0, 10), 5u);
}

TEST(NumberSet, MovesItsUpperPart) {
  NumberSet set;
  set.Insert(0, 4);
  set.Insert(6, 8);
  EXPECT_THAT(set.MovedUp(2, 100).Ranges(), ElementsAre(Pair(102, 104), Pair(106, 108)));
}

TEST(NumberSet, SaysTheSameAsAListOfNumbers) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    NumberSet set;
    std::set<uint64_t> numbers;
    for (int i = 0; i < 12; ++i) {
      const uint64_t begin = random() % 60;
      const uint64_t end = begin + random() % 6;
      set.Insert(begin, end);
      for (uint64_t n = begin; n < end; ++n) numbers.insert(n);
    }
    uint64_t missing = 0;
    for (uint64_t n = 0; n < 70; ++n) {
      ASSERT_EQ(set.Contains(n), numbers.contains(n));
      ASSERT_EQ(set.CountMissing(0, n), missing);
      uint64_t first = n;
      while (numbers.contains(first)) ++first;
      ASSERT_EQ(set.FirstMissing(n), first);
      uint64_t last = n;
      while (last > 0 && numbers.contains(last - 1)) --last;
      ASSERT_EQ(set.LastMissing(n), last == 0 ? n : last - 1);
      missing += numbers.contains(n) ? 0 : 1;
    }
  }
}

}  // namespace
}  // namespace sonde::exporting
