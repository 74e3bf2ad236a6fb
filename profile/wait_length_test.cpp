#include "profile/wait_length.h"

#include <gtest/gtest.h>

#include <set>

namespace sonde::profile {
namespace {

TEST(WaitLength, DoublesFromBucketToBucket) {
  EXPECT_EQ(ShortestWaitNs(0), 0);
  EXPECT_EQ(ShortestWaitNs(1), 512);
  for (size_t i = 2; i < kWaitLengthBuckets; ++i) EXPECT_EQ(ShortestWaitNs(i), 2 * ShortestWaitNs(i - 1));
}

TEST(WaitLength, IsReadBackFromItsFrame) {
  std::set<std::string> frames;
  for (size_t i = 0; i < kWaitLengthBuckets; ++i) {
    EXPECT_EQ(ParseWaitLengthFrame(WaitLengthFrame(i)), i);
    frames.insert(WaitLengthFrame(i));
  }
  EXPECT_EQ(frames.size(), kWaitLengthBuckets);
  EXPECT_EQ(WaitLengthFrame(0), "[waits of 0 s to 512 ns]");
  EXPECT_EQ(WaitLengthFrame(12), "[waits of 1.05 ms to 2.10 ms]");
  EXPECT_EQ(WaitLengthFrame(31), "[waits of 9 m 09 s and more]");
  EXPECT_EQ(ParseWaitLengthFrame("[stack lost]"), std::nullopt);
  EXPECT_EQ(ParseWaitLengthFrame(""), std::nullopt);
}

}  // namespace
}  // namespace sonde::profile
