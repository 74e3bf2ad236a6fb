#include "profile/loss_comment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::profile {
namespace {

using testing::ElementsAre;

constexpr int64_t kMinute = 60'000'000'000;

TEST(LossComment, NamesTheWindowAndTheCount) {
  EXPECT_EQ(FormatLossComment(kMinute, 3, "stacks (ring_full): x"),
            "lost at 1970-01-01T00:01:00Z: 3 stacks (ring_full): x");
}

TEST(CommentSum, CountsALossThatEveryProfileOfAWindowCarriesOnce) {
  CommentSum sum;
  sum.Add(FormatLossComment(kMinute, 3, "stacks (ring_full): x"));
  sum.Add(FormatLossComment(kMinute, 3, "stacks (ring_full): x"));
  EXPECT_THAT(sum.Comments(), ElementsAre("lost at 1970-01-01T00:01:00Z: 3 stacks (ring_full): x"));
}

TEST(CommentSum, SumsLossesOfDifferentWindowsByCause) {
  CommentSum sum;
  sum.Add("lost in 2 windows: 5 stacks (ring_full): x");
  sum.Add(FormatLossComment(kMinute, 3, "stacks (ring_full): x"));
  sum.Add(FormatLossComment(kMinute, 1, "stacks (map_full): x"));
  EXPECT_THAT(sum.Comments(), ElementsAre("lost at 1970-01-01T00:01:00Z: 1 stacks (map_full): x",
                                          "lost in 3 windows: 8 stacks (ring_full): x"));
}

TEST(CommentSum, KeepsWhatIsNoLossInItsOrder) {
  CommentSum sum;
  for (const char* text : {"b", "a", "lost: something", "b", "lost at noon"}) sum.Add(text);
  EXPECT_THAT(sum.Comments(), ElementsAre("b", "a", "lost: something", "lost at noon"));
}

}  // namespace
}  // namespace sonde::profile
