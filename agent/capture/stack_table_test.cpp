#include "agent/capture/stack_table.h"

#include <gtest/gtest.h>

namespace sonde::capture {
namespace {

std::shared_ptr<const model::RawStack> Stack() { return std::make_shared<model::RawStack>(); }

TEST(StackTable, KeepsAStackAsLongAsEverySliceNamesIt) {
  StackTable table;
  table.Add({1, 1}, Stack(), 1);
  for (uint32_t slice = 1; slice < 10; ++slice) {
    EXPECT_NE(table.Use({1, 1}, slice), nullptr);
    table.ForgetUnusedSince(slice);
  }
}

TEST(StackTable, ForgetsAStackThatASliceDidNotName) {
  StackTable table;
  table.Add({1, 1}, Stack(), 1);
  table.ForgetUnusedSince(2);
  EXPECT_EQ(table.Use({1, 1}, 2), nullptr);
  EXPECT_EQ(table.Size(), 0U);
}

TEST(StackTable, KeepsFramesThatArrivedForTheNextSliceWhileOneIsClosed) {
  StackTable table;
  table.Add({1, 1}, Stack(), 2);
  EXPECT_NE(table.Use({1, 1}, 1), nullptr);
  table.ForgetUnusedSince(2);
  EXPECT_EQ(table.Size(), 1U);
}

}  // namespace
}  // namespace sonde::capture
