#include "agent/unwind/table_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/kernel/unwind_maps_for_test.h"

namespace sonde::unwind {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kArena = uint64_t{1} << 20;

// A table of pages with so many rows each, told apart by their rules.
elf::UnwindTable Table(const std::vector<uint32_t>& counts, uint16_t rule, uint64_t base_page = 1) {
  elf::UnwindTable table;
  table.base_page = base_page;
  for (uint32_t count : counts) {
    table.pages.push_back({static_cast<uint32_t>(table.rows.size()), count});
    for (uint32_t i = 0; i < count; ++i) {
      table.rows.push_back({static_cast<uint16_t>(i * 2), static_cast<uint16_t>(rule + table.pages.size() - 1)});
    }
  }
  return table;
}

class TableStoreTest : public kernel::UnwindMapsReader {
 protected:
  TableStore MakeStore(uint64_t max_row_bytes = 2 * kArena) {
    return TableStore(maps_.get(), max_row_bytes, [this] { return now_ns_; });
  }
  uint64_t now_ns_ = 100 * kSecondNs;
};

TEST_F(TableStoreTest, ShowsATableWhereWalksLookForIt) {
  TableStore store = MakeStore();
  elf::UnwindTable table = Table({3, 0, 5'000}, 100);
  table.escapes.resize(2);
  table.escapes[1].cfa_offset = 77;
  ASSERT_TRUE(store.Publish(1, Table({10}, 500, 0)).ok());
  ASSERT_TRUE(store.Publish(2, table).ok());
  EXPECT_EQ(RuleAt(2, 0x10000), 100);
  EXPECT_EQ(RuleAt(2, 0x1ffff), 100);
  EXPECT_EQ(RuleAt(2, 0x20000), std::nullopt) << "a page that nothing covers";
  EXPECT_EQ(RuleAt(2, 0x30004), 102);
  EXPECT_EQ(RuleAt(2, 0x40000), std::nullopt);
  EXPECT_EQ(RuleAt(2, 0xffff), std::nullopt);
  EXPECT_EQ(RuleAt(1, 0), 500);
  abi::unwind_file file = File(2);
  EXPECT_EQ(file.escapes, 2U);
  EXPECT_EQ(Element<abi::unwind_escape>("unwind_escapes", file.first_escape + 1).cfa_offset, 77);
  EXPECT_EQ(store.Count().tables, 2U);
  EXPECT_EQ(store.Count().rows, 5'013U);
  EXPECT_EQ(store.Count().row_bytes, kArena);
}

TEST_F(TableStoreTest, KeepsAllRowsOfAPageInOneBlockAndFillsGaps) {
  TableStore store = MakeStore();
  ASSERT_TRUE(store.Publish(1, Table({16'000, 16'000, 16'000, 16'000, 16'000, 1'000}, 1)).ok());
  for (uint64_t page = 0; page < 6; ++page) EXPECT_EQ(RuleAt(1, (page + 1) << 16), 1 + page);
  abi::unwind_file file = File(1);
  EXPECT_EQ(Element<abi::unwind_page>("unwind_pages", file.first_page + 4).block, 1U);
  EXPECT_EQ(Element<abi::unwind_page>("unwind_pages", file.first_page + 5).block, 0U);
}

TEST_F(TableStoreTest, TakesATableWithoutAnyRows) {
  TableStore store = MakeStore();
  ASSERT_TRUE(store.Publish(1, Table({}, 1)).ok());
  EXPECT_EQ(File(1).state, uint32_t{abi::UNWIND_FILE_READY});
  ASSERT_TRUE(store.Publish(2, Table({0}, 1)).ok());
  EXPECT_EQ(RuleAt(2, 0x10000), std::nullopt);
}

TEST_F(TableStoreTest, RefusesPagesThatNoBlockHolds) {
  TableStore store = MakeStore();
  EXPECT_EQ(store.Publish(1, Table({UNWIND_PAGE_ROWS + 1}, 1)).code(), absl::StatusCode::kInvalidArgument);
  elf::UnwindTable hollow = Table({5}, 1);
  hollow.rows.resize(4);
  EXPECT_EQ(store.Publish(1, hollow).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store.Count().rows, 0U);
}

TEST_F(TableStoreTest, GivesRoomAwayOnlyWhenNoWalkCanBeInIt) {
  TableStore store = MakeStore();
  ASSERT_TRUE(store.Publish(1, Table({100}, 1)).ok());
  const auto page = Element<abi::unwind_page>("unwind_pages", File(1).first_page);
  ASSERT_TRUE(store.Withdraw(1, abi::UNWIND_FILE_EMPTY).ok());
  EXPECT_EQ(File(1).state, uint32_t{abi::UNWIND_FILE_EMPTY});
  EXPECT_EQ(store.Count().rows, 0U);
  now_ns_ += kSecondNs - 1;
  ASSERT_TRUE(store.Publish(2, Table({100}, 2)).ok());
  EXPECT_EQ(Rows(page)[0].rule, 1);
  now_ns_ += 1;
  ASSERT_TRUE(store.Publish(3, Table({100}, 3)).ok());
  EXPECT_EQ(Rows(page)[0].rule, 3);
}

TEST_F(TableStoreTest, ReplacesATableOfTheSameFile) {
  TableStore store = MakeStore();
  ASSERT_TRUE(store.Publish(1, Table({100}, 1)).ok());
  ASSERT_TRUE(store.Publish(1, Table({50}, 2)).ok());
  EXPECT_EQ(RuleAt(1, 0x10000), 2);
  EXPECT_EQ(store.Count().rows, 50U);
}

// Each fills half an arena.
elf::UnwindTable HalfArena(uint16_t rule) { return Table(std::vector<uint32_t>(8, UNWIND_PAGE_ROWS), rule); }

TEST_F(TableStoreTest, EvictsWhatWalksHaveNotUsedForTheLongest) {
  TableStore store = MakeStore(kArena);
  ASSERT_TRUE(store.Publish(1, HalfArena(1)).ok());
  now_ns_ += kSecondNs;
  ASSERT_TRUE(store.Publish(2, HalfArena(2)).ok());
  now_ns_ += 5 * kSecondNs;
  Use(1);
  // Eviction in advance touches nothing that was used a short while ago.
  ASSERT_TRUE(store.Tick().ok());
  EXPECT_EQ(store.Count().evictions, 0U);
  EXPECT_EQ(store.Publish(3, HalfArena(3)).code(), absl::StatusCode::kResourceExhausted);
  now_ns_ += 6 * kSecondNs;  // table 2: 11 seconds ago, table 1: 6
  EXPECT_EQ(store.Publish(3, HalfArena(3)).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(File(2).state, uint32_t{abi::UNWIND_FILE_PENDING});
  EXPECT_EQ(RuleAt(1, 0x10000), 1);
  EXPECT_EQ(store.Publish(3, HalfArena(3)).code(), absl::StatusCode::kUnavailable);
  now_ns_ += kSecondNs;
  ASSERT_TRUE(store.Publish(3, HalfArena(3)).ok());
  EXPECT_EQ(RuleAt(3, 0x10000), 3);
  EXPECT_EQ(store.Count().evictions, 1U);
  EXPECT_EQ(store.Count().row_bytes, kArena);
}

TEST_F(TableStoreTest, MovesTablesTogetherAndGivesBackTheArenasThatOthersHaveLeft) {
  constexpr uint16_t kLeave[] = {1, 3, 4, 6, 7}, kStay[] = {2, 5, 8};
  TableStore store = MakeStore(4 * kArena);
  for (uint16_t id = 1; id <= 8; ++id) ASSERT_TRUE(store.Publish(id, HalfArena(static_cast<uint16_t>(100 * id))).ok());
  EXPECT_EQ(store.Count().row_bytes, 4 * kArena);
  for (uint16_t id : kLeave) ASSERT_TRUE(store.Withdraw(id, abi::UNWIND_FILE_EMPTY).ok());
  ASSERT_TRUE(store.Tick().ok());
  EXPECT_EQ(store.Count().row_bytes, 4 * kArena) << "walks may be in them";
  for (int i = 0; i < 10; ++i) {
    now_ns_ += kSecondNs;
    ASSERT_TRUE(store.Tick().ok());
    for (uint16_t id : kStay) {
      for (uint64_t page = 0; page < 8; ++page) ASSERT_EQ(RuleAt(id, (page + 1) << 16), 100 * id + page) << id;
    }
  }
  EXPECT_EQ(store.Count().row_bytes, 2 * kArena) << "three halves";
  EXPECT_EQ(store.Count().rows, 3U * 8 * UNWIND_PAGE_ROWS);
  for (uint16_t id : kLeave) ASSERT_TRUE(store.Publish(id, HalfArena(static_cast<uint16_t>(100 * id))).ok());
  EXPECT_EQ(store.Count().row_bytes, 4 * kArena);
  EXPECT_EQ(RuleAt(7, 0x10000), 700);
  EXPECT_EQ(RuleAt(8, 0x10000), 800);
}

TEST_F(TableStoreTest, TellsWhichEvictedTablesAreWantedAgain) {
  TableStore store = MakeStore(kArena);
  ASSERT_TRUE(store.Publish(1, HalfArena(1)).ok());
  ASSERT_TRUE(store.Publish(2, HalfArena(2)).ok());
  now_ns_ += 20 * kSecondNs;
  ASSERT_TRUE(store.Tick().ok());  // in advance
  EXPECT_EQ(store.Count().evictions, 1U);
  const uint16_t evicted = RuleAt(1, 0x10000) ? 2 : 1;
  EXPECT_THAT(*store.Tick(), IsEmpty());
  Use(evicted);
  EXPECT_THAT(*store.Tick(), ElementsAre(evicted));
  EXPECT_THAT(*store.Tick(), IsEmpty());
}

}  // namespace
}  // namespace sonde::unwind
