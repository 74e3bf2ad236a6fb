#include "agent/export/spool_order.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using testing::ElementsAre;

// Takes `count` records, each at once.
std::vector<uint64_t> Take(SpoolOrder* order, NumberSet* settled, uint64_t next, bool is_long, int count) {
  std::vector<uint64_t> taken;
  for (int i = 0; i < count; ++i) {
    taken.push_back(order->Choose(*settled, next, is_long));
    settled->Insert(taken.back(), taken.back() + 1);
  }
  return taken;
}

TEST(SpoolOrder, IsBySequence) {
  SpoolOrder order;
  NumberSet settled;
  settled.Insert(0, 1);
  EXPECT_THAT(Take(&order, &settled, 4, false, 3), ElementsAre(1, 2, 3));
}

TEST(SpoolOrder, IsNewestFirstAfterALongOutage) {
  SpoolOrder order;
  NumberSet settled;
  settled.Insert(0, 1);
  EXPECT_THAT(Take(&order, &settled, 6, true, 5), ElementsAre(5, 4, 3, 2, 1));
}

TEST(SpoolOrder, GivesWhatHasWaitedHalfOfThePushesAtMost) {
  SpoolOrder order;
  NumberSet settled;
  settled.Insert(0, 1);
  EXPECT_THAT(Take(&order, &settled, 6, true, 1), ElementsAre(5));
  EXPECT_THAT(Take(&order, &settled, 9, true, 6), ElementsAre(6, 4, 7, 3, 8, 2));
  // What is not old any more once the backlog is gone goes in order again.
  EXPECT_THAT(Take(&order, &settled, 11, false, 3), ElementsAre(9, 1, 10));
}

TEST(SpoolOrder, TellsNewFromOldAnewAfterEachFailure) {
  SpoolOrder order;
  NumberSet settled;
  settled.Insert(0, 1);
  EXPECT_EQ(order.Choose(settled, 4, true), 3u);
  order.NoteFailure();
  EXPECT_THAT(Take(&order, &settled, 6, true, 2), ElementsAre(5, 4));
}

}  // namespace
}  // namespace sonde::exporting
