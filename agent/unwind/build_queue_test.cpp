#include "agent/unwind/build_queue.h"

#include <gtest/gtest.h>

#include <memory>

namespace sonde::unwind {
namespace {

BuildQueue::Job Job(uint16_t id) { return {id, std::make_shared<const model::ExecutableFile>()}; }

TEST(BuildQueue, GivesTheMostRecentlySeenFirst) {
  BuildQueue queue(10);
  for (uint16_t id = 1; id <= 3; ++id) queue.Push(Job(id));
  queue.See(1);
  queue.See(9);
  EXPECT_EQ(queue.Pop(0)->id, 1);
  EXPECT_EQ(queue.Pop(0)->id, 3);
  queue.Push(Job(4));
  EXPECT_EQ(queue.Pop(0)->id, 4);
  EXPECT_EQ(queue.Pop(0)->id, 2);
  EXPECT_FALSE(queue.Pop(0));
}

TEST(BuildQueue, HoldsEachIdOnce) {
  BuildQueue queue(10);
  queue.Push(Job(1));
  queue.Push(Job(1));
  EXPECT_EQ(queue.Size(), 1U);
}

TEST(BuildQueue, DropsTheOneNotSeenForTheLongestWhenFull) {
  BuildQueue queue(2);
  EXPECT_FALSE(queue.Push(Job(1)));
  EXPECT_FALSE(queue.Push(Job(2)));
  EXPECT_FALSE(queue.Push(Job(1)));
  EXPECT_EQ(queue.Push(Job(3)), 2);
  EXPECT_EQ(queue.Size(), 2U);
}

TEST(BuildQueue, KeepsAJobUntilItsTime) {
  BuildQueue queue(10);
  queue.Push(Job(1));
  queue.Push(Job(2), 100);
  EXPECT_EQ(queue.Pop(99)->id, 1);
  EXPECT_FALSE(queue.Pop(99));
  EXPECT_EQ(queue.Pop(100)->id, 2);
}

TEST(BuildQueue, ForgetsWhatIsRemoved) {
  BuildQueue queue(10);
  queue.Push(Job(1));
  queue.Remove(1);
  queue.Remove(2);
  EXPECT_FALSE(queue.Pop(0));
}

}  // namespace
}  // namespace sonde::unwind
