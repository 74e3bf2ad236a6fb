#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace sonde::base {
namespace {

constexpr absl::Duration kSoon = absl::Milliseconds(1);

TEST(BoundedQueue, GivesItemsInTheOrderTheyCame) {
  BoundedQueue<int> queue(3, 100);
  EXPECT_TRUE(queue.TryPush(1, 1));
  EXPECT_TRUE(queue.TryPush(2, 1));
  EXPECT_EQ(queue.Pop(kSoon), 1);
  EXPECT_EQ(queue.Pop(kSoon), 2);
  EXPECT_EQ(queue.Pop(kSoon), std::nullopt);
}

TEST(BoundedQueue, RefusesWhenItHoldsAsManyItemsAsAllowed) {
  BoundedQueue<int> queue(1, 100);
  EXPECT_TRUE(queue.TryPush(1, 1));
  EXPECT_FALSE(queue.TryPush(2, 1));
  queue.Pop(kSoon);
  EXPECT_TRUE(queue.TryPush(3, 1));
}

TEST(BoundedQueue, RefusesWhenItHoldsAsManyBytesAsAllowed) {
  BoundedQueue<int> queue(10, 100);
  EXPECT_TRUE(queue.TryPush(1, 60));
  EXPECT_FALSE(queue.TryPush(2, 60));
  EXPECT_EQ(queue.Bytes(), 60U);
}

TEST(BoundedQueue, TakesAnItemHeavierThanItsBoundWhenItIsEmpty) {
  BoundedQueue<int> queue(10, 100);
  EXPECT_TRUE(queue.TryPush(1, 1000));
  EXPECT_FALSE(queue.TryPush(2, 1));
}

TEST(BoundedQueue, CanBeDrainedAfterItWasClosed) {
  BoundedQueue<std::unique_ptr<int>> queue(2, 10);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(7), 1));
  queue.Close();
  EXPECT_FALSE(queue.TryPush(std::make_unique<int>(8), 1));
  EXPECT_EQ(**queue.Pop(kSoon), 7);
  EXPECT_EQ(queue.Pop(absl::InfiniteDuration()), std::nullopt);
}

TEST(BoundedQueue, WakesAWaitingConsumer) {
  BoundedQueue<int> queue(1, 10);
  std::thread producer([&queue] { queue.TryPush(5, 1); });
  EXPECT_EQ(queue.Pop(absl::Seconds(10)), 5);
  producer.join();
}

}  // namespace
}  // namespace sonde::base
