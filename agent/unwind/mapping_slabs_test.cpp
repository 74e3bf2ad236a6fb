#include "agent/unwind/mapping_slabs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/kernel/unwind_maps_for_test.h"

namespace sonde::unwind {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

class MappingSlabsTest : public kernel::UnwindMapsReader {};

std::vector<abi::unwind_mapping> List(uint64_t start, size_t count = 2) {
  std::vector<abi::unwind_mapping> list;
  for (size_t i = 0; i < count; ++i) list.push_back({start + i * 0x2000, 7, 1, static_cast<uint32_t>(i)});
  return list;
}

TEST_F(MappingSlabsTest, HoldEqualListsOnce) {
  MappingSlabs slabs(maps_.get());
  auto a = slabs.Acquire(List(0x1000), 0), b = slabs.Acquire(List(0x2000), 0), again = slabs.Acquire(List(0x1000), 0);
  ASSERT_TRUE(a.ok() && b.ok() && again.ok());
  EXPECT_TRUE(a->is_new && b->is_new);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(a->slab.first_mapping, again->slab.first_mapping);
  EXPECT_EQ(Mappings(a->slab)[1].start, 0x3000U);
  EXPECT_EQ(Mappings(b->slab)[0].start, 0x2000U);
  EXPECT_EQ(slabs.Size(), 2U);
  EXPECT_EQ(slabs.Mappings(), 4U);
}

TEST_F(MappingSlabsTest, KeepAListUntilItsLastHolderHasLeftAndLongerForWalksUnderWay) {
  MappingSlabs slabs(maps_.get());
  auto first = slabs.Acquire(List(0x1000), 0);
  ASSERT_TRUE(slabs.Acquire(List(0x1000), 0).ok());
  EXPECT_TRUE(slabs.Release(first->slab, 0).empty());
  EXPECT_EQ(slabs.Release(first->slab, 0).size(), 2U);
  EXPECT_EQ(slabs.Size(), 0U);
  EXPECT_EQ(slabs.Mappings(), 0U);
  auto other = slabs.Acquire(List(0x5000), kSecond - 1);
  EXPECT_NE(other->slab.first_mapping, first->slab.first_mapping);
  EXPECT_EQ(Mappings(first->slab)[0].start, 0x1000U);
  auto later = slabs.Acquire(List(0x7000), kSecond);
  EXPECT_EQ(later->slab.first_mapping, first->slab.first_mapping);
}

TEST_F(MappingSlabsTest, NeedNoRoomForNothing) {
  MappingSlabs slabs(maps_.get());
  auto none = slabs.Acquire({}, 0);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->slab.mappings, 0U);
  EXPECT_TRUE(slabs.Release(none->slab, 0).empty());
}

TEST_F(MappingSlabsTest, SayWhenTheyAreFull) {
  MappingSlabs slabs(maps_.get());
  for (uint64_t i = 0; i < UNWIND_MAPPINGS / UNWIND_MAPPINGS_PER_PROCESS; ++i) {
    ASSERT_TRUE(slabs.Acquire(List(0x1000 * i, UNWIND_MAPPINGS_PER_PROCESS), 0).ok());
  }
  EXPECT_EQ(slabs.Acquire(List(0x777000), 0).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace sonde::unwind
