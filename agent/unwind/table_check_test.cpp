#include "agent/unwind/table_check.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace sonde::unwind {
namespace {

constexpr uint64_t kFileBytes = 0x3'8000;  // four pages, the last cut

constexpr uint16_t Escape(unsigned index) {
  return static_cast<uint16_t>(index << UNWIND_RULE_CFA_SHIFT | UNWIND_RBP_ESCAPE);
}

// Two pages with rows, one without between them, two escapes.
elf::UnwindTable GoodTable() {
  elf::UnwindTable table;
  table.base_page = 1;
  table.pages = {{0, 3}, {0, 0}, {3, 2}};
  table.rows = {{0, Escape(abi::UNWIND_UNCOVERED)},
                {16, 0x40},
                {0xffff, Escape(abi::UNWIND_COMMANDS + 1)},
                {0, Escape(abi::UNWIND_OTHER_STACK)},
                {1, 0xffff & ~UNWIND_RULE_RBP}};
  table.escapes.resize(2);
  table.escapes[1].flags = abi::UNWIND_CFA_LOADED | abi::UNWIND_RBP_UNKNOWN;
  table.escapes[1].cfa_register = UNWIND_REGISTERS - 1;
  return table;
}

TEST(TableCheck, TakesATableAsTheCompilerMakesThem) {
  EXPECT_TRUE(CheckTable(GoodTable(), kFileBytes).ok()) << CheckTable(GoodTable(), kFileBytes);
  EXPECT_TRUE(CheckTable(elf::UnwindTable(), 0).ok());
}

TEST(TableCheck, TakesNoneThatCouldDoMoreThanLeadWalksAstray) {
  using Table = elf::UnwindTable;
  struct {
    const char* what;
    std::function<void(Table*)> change;
  } cases[] = {
      {"a page behind the file's end",
       [](Table* t) {
         t->pages.push_back({5, 0});
       }},
      {"a first page behind the file's end", [](Table* t) { t->base_page = 100; }},
      {"a first page whose number wraps", [](Table* t) { t->base_page = ~uint64_t{0}; }},
      {"rows of no page",
       [](Table* t) {
         t->rows.push_back({2, 0});
       }},
      {"fewer rows than pages have", [](Table* t) { t->rows.pop_back(); }},
      {"no rows at all", [](Table* t) { t->rows.clear(); }},
      {"a page's rows twice", [](Table* t) { t->pages[2].first = 0; }},
      {"a page's rows elsewhere", [](Table* t) { t->pages[2].first = 4; }},
      {"a page whose end wraps", [](Table* t) { t->pages[2].count = ~uint32_t{0}; }},
      {"more rows than a page may have",
       [](Table* t) {
         t->pages = {{0, UNWIND_PAGE_ROWS + 1}};
         t->rows.clear();
         for (unsigned i = 0; i <= UNWIND_PAGE_ROWS; ++i) t->rows.push_back({static_cast<uint16_t>(i), 0});
       }},
      {"a page that does not begin at its begin", [](Table* t) { t->rows[0].pc = 1; }},
      {"rows out of order", [](Table* t) { t->rows[2].pc = 15; }},
      {"two rows at one place", [](Table* t) { t->rows[2].pc = 16; }},
      {"a command that there is not", [](Table* t) { t->rows[0].rule = Escape(abi::UNWIND_OTHER_STACK + 1); }},
      {"the last command number", [](Table* t) { t->rows[0].rule = Escape(abi::UNWIND_COMMANDS - 1); }},
      {"an escape that there is not", [](Table* t) { t->rows[1].rule = Escape(abi::UNWIND_COMMANDS + 2); }},
      {"the highest escape", [](Table* t) { t->rows[1].rule = 0xffe1; }},
      {"more escapes than a rule can name", [](Table* t) { t->escapes.resize(elf::kMaxUnwindEscapes + 1); }},
      {"a CFA of no register", [](Table* t) { t->escapes[0].cfa_register = UNWIND_REGISTERS; }},
      {"an rbp of no register", [](Table* t) { t->escapes[0].rbp_register = 255; }},
      {"a return address of no register", [](Table* t) { t->escapes[0].ra_register = UNWIND_RIP; }},
      {"a flag that there is not", [](Table* t) { t->escapes[0].flags = 32; }},
  };
  for (const auto& one : cases) {
    Table table = GoodTable();
    one.change(&table);
    EXPECT_TRUE(absl::IsInvalidArgument(CheckTable(table, kFileBytes))) << one.what;
  }
}

TEST(TableCheck, BoundsATableByItsFile) {
  EXPECT_EQ(MostPages(0), 1U);
  EXPECT_EQ(MostPages(0xffff), 1U);
  EXPECT_EQ(MostPages(0x10000), 2U);
  EXPECT_EQ(MostRows(0x10000), 0x10002U);
}

}  // namespace
}  // namespace sonde::unwind
