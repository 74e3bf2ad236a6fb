#include "agent/elf/unwind_table_builder.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/elf/unwind_rules.h"
#include "agent/elf/unwind_table_for_test.h"

namespace sonde::elf {
namespace {

std::string Describe(const UnwindTable& table) {
  std::string text = absl::StrCat("from ", table.base_page, ":");
  for (const UnwindTablePage& page : table.pages) {
    absl::StrAppend(&text, " |");
    for (uint32_t i = 0; i < page.count; ++i) {
      const abi::unwind_row& row = table.rows[page.first + i];
      absl::StrAppend(&text, " ", row.pc, "=", row.rule == kUncovered ? std::string("-") : absl::StrCat(row.rule));
    }
  }
  return text;
}

class TableBuilder : public ::testing::Test {
 protected:
  CompileStatistics statistics_;
  UnwindTableBuilder builder_{&statistics_};
};

TEST_F(TableBuilder, GivesEveryPageARowAtItsBegin) {
  builder_.Set(0x20010, 64);
  builder_.Set(0x20020, 128);
  builder_.Set(0x40005, 64);
  builder_.Set(0x40006, kUncovered);
  EXPECT_EQ(Describe(builder_.Finish()), "from 2: | 0=- 16=64 32=128 | 0=128 | 0=128 5=64 6=-");
}

TEST_F(TableBuilder, MergesEqualNeighboursAndLetsTheLastAtAnOffsetWin) {
  builder_.Set(0x10, 64);
  builder_.Set(0x20, 64);
  builder_.Set(0x30, 128);
  builder_.Set(0x30, 64);
  builder_.Set(0x40, 128);
  builder_.Set(0x40, 192);
  builder_.Set(0x50, kUncovered);
  EXPECT_EQ(Describe(builder_.Finish()), "from 0: | 0=- 16=64 64=192 80=-");
}

TEST_F(TableBuilder, LeavesUncoveredPagesEmpty) {
  builder_.Set(0x00000, 64);
  builder_.Set(0x10000, kUncovered);
  builder_.Set(0x30000, 64);
  builder_.Set(0x40000, kUncovered);
  EXPECT_EQ(Describe(builder_.Finish()), "from 0: | 0=64 | | | 0=64");
}

TEST_F(TableBuilder, IsEmptyWithoutRules) {
  UnwindTable table = builder_.Finish();
  EXPECT_TRUE(table.pages.empty());
  EXPECT_TRUE(table.rows.empty());
}

TEST_F(TableBuilder, EndsAPageThatIsFullWithABadRule) {
  for (uint32_t pc = 0; pc < UNWIND_PAGE_ROWS + 100; ++pc) builder_.Set(pc, pc % 2 == 0 ? 64 : 128);
  builder_.Set(0x10000, 192);
  builder_.Set(0x10010, kUncovered);
  UnwindTable table = builder_.Finish();
  ASSERT_EQ(table.pages.size(), 2U);
  EXPECT_EQ(table.pages[0].count, uint32_t{UNWIND_PAGE_ROWS});
  EXPECT_EQ(table.rows[UNWIND_PAGE_ROWS - 1].rule, CommandRule(abi::UNWIND_BAD_RULE));
  EXPECT_EQ(table.rows[UNWIND_PAGE_ROWS].rule, 192);
  EXPECT_EQ(statistics_[BadRule::kPageFull], 100U);
}

}  // namespace
}  // namespace sonde::elf
