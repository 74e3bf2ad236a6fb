#include "agent/aggregate/request_waits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::aggregate {
namespace {

using model::RequestOperation;
using profile::Reason;
using testing::SizeIs;

constexpr model::StackId kWaitStack{100, 1};

model::Slice SliceOfWaits(std::vector<model::RawRequestWaits> waits) {
  model::Slice slice;
  slice.request_waits = std::move(waits);
  return slice;
}

model::RawRequestWaits EndedBy(const std::string& disk, RequestOperation operation, uint64_t count) {
  return {.tgid = 10,
          .reason = Reason::kDisk,
          .stack = kWaitStack,
          .disk = disk,
          .operation = operation,
          .is_swap = false,
          .sums = {.count = count,
                   .ns = 90 * count,
                   .request_ns = 80 * count,
                   .queue_ns = 20 * count,
                   .device_ns = 60 * count,
                   .bytes = 4096 * count}};
}

TEST(RequestWaits, AreSummedOverSlicesByDiskAndOperation) {
  RequestWaits waits;
  waits.Add(SliceOfWaits({EndedBy("sda", RequestOperation::kRead, 2), EndedBy("sda", RequestOperation::kWrite, 1)}));
  waits.Add(SliceOfWaits({EndedBy("sda", RequestOperation::kRead, 3), EndedBy("sdb", RequestOperation::kRead, 1)}));
  const std::vector<RequestsEnding>* all = waits.Of({10, Reason::kDisk, model::kNoSyscall, kWaitStack});
  ASSERT_NE(all, nullptr);
  ASSERT_THAT(*all, SizeIs(3));
  const model::RequestWaitSums& reads = all->front().sums;
  EXPECT_EQ(reads.count, 5U);
  EXPECT_EQ(reads.ns, 450U);
  EXPECT_EQ(reads.request_ns, 400U);
  EXPECT_EQ(reads.queue_ns, 100U);
  EXPECT_EQ(reads.device_ns, 300U);
  EXPECT_EQ(reads.bytes, 5U * 4096);
}

TEST(RequestWaits, ForMemoryFromSwapAreApartFromThoseForFiles) {
  model::RawRequestWaits file = EndedBy("sda", RequestOperation::kRead, 1), swap = file;
  swap.is_swap = true;
  RequestWaits waits;
  waits.Add(SliceOfWaits({file, swap, swap}));
  const std::vector<RequestsEnding>* all = waits.Of({10, Reason::kDisk, model::kNoSyscall, kWaitStack});
  ASSERT_NE(all, nullptr);
  ASSERT_THAT(*all, SizeIs(2));
  EXPECT_FALSE((*all)[0].is_swap);
  EXPECT_TRUE((*all)[1].is_swap);
  EXPECT_EQ((*all)[1].sums.count, 2U);
}

TEST(RequestWaits, BelongToWhoWaitedForThatReasonAtThatStack) {
  RequestWaits waits;
  waits.Add(SliceOfWaits({EndedBy("sda", RequestOperation::kRead, 2)}));
  EXPECT_EQ(waits.Of({11, Reason::kDisk, model::kNoSyscall, kWaitStack}), nullptr);
  EXPECT_EQ(waits.Of({10, Reason::kMajorFault, model::kNoSyscall, kWaitStack}), nullptr);
  EXPECT_EQ(waits.Of({10, Reason::kDisk, model::kNoSyscall, {101, 1}}), nullptr);
}

}  // namespace
}  // namespace sonde::aggregate
