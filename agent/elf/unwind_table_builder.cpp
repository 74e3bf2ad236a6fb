#include "agent/elf/unwind_table_builder.h"

#include <utility>

#include "agent/elf/limits.h"
#include "agent/elf/unwind_rules.h"

namespace sonde::elf {

static_assert(CommandRule(abi::UNWIND_UNCOVERED) == 1);

void UnwindTableBuilder::Set(uint64_t offset, uint16_t rule) {
  if (rule == rule_) return;
  OpenPage(offset >> UNWIND_PAGE_SHIFT);
  PutRow(static_cast<uint16_t>(offset & (UNWIND_PAGE_BYTES - 1)), rule);
  rule_ = rule;
}

bool UnwindTableBuilder::IsWithinLimits() const { return table_.rows.size() <= kMaxUnwindRows; }

void UnwindTableBuilder::OpenPage(uint64_t page) {
  if (!has_page_) {
    has_page_ = true;
    table_.base_page = page;
    table_.pages.push_back({0, 0});
    PutRow(0, rule_);
  }
  while (table_.base_page + table_.pages.size() - 1 < page) {
    ClosePage();
    table_.pages.push_back({static_cast<uint32_t>(table_.rows.size()), 0});
    PutRow(0, rule_);
  }
}

void UnwindTableBuilder::ClosePage() {
  UnwindTablePage& page = table_.pages.back();
  page.count = static_cast<uint32_t>(table_.rows.size()) - page.first;
  if (page.count != 1 || table_.rows.back().rule != CommandRule(abi::UNWIND_UNCOVERED)) return;
  table_.rows.pop_back();
  page.count = 0;
}

void UnwindTableBuilder::PutRow(uint16_t pc, uint16_t rule) {
  std::vector<abi::unwind_row>& rows = table_.rows;
  size_t first = table_.pages.back().first;
  size_t count = rows.size() - first;
  if (count > 0 && rows.back().pc == pc) {
    rows.pop_back();
    --count;
  }
  if (count > 0 && rows.back().rule == rule) return;
  if (count == UNWIND_PAGE_ROWS) {
    ++statistics_[BadRule::kPageFull];
    rows.back().rule = CommandRule(abi::UNWIND_BAD_RULE);
    return;
  }
  rows.push_back({pc, rule});
}

UnwindTable UnwindTableBuilder::Finish() {
  if (has_page_) ClosePage();
  if (has_page_ && table_.pages.back().count == 0) table_.pages.pop_back();
  table_.rows.shrink_to_fit();
  return std::move(table_);
}

}  // namespace sonde::elf
