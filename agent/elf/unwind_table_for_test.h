#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>

#include "agent/elf/unwind_rules.h"
#include "agent/elf/unwind_table.h"

namespace sonde::elf {

inline constexpr uint16_t kUncovered = CommandRule(abi::UNWIND_UNCOVERED);

// The rule that a table has for a file offset, as the kernel side looks it up.
inline uint16_t RuleAt(const UnwindTable& table, uint64_t offset) {
  const uint64_t page = (offset >> UNWIND_PAGE_SHIFT) - table.base_page;
  if (page >= table.pages.size() || table.pages[page].count == 0) return kUncovered;
  auto rows = std::span(table.rows).subspan(table.pages[page].first, table.pages[page].count);
  auto after = std::ranges::upper_bound(rows, offset & (UNWIND_PAGE_BYTES - 1), {}, &abi::unwind_row::pc);
  return std::prev(after)->rule;
}

}  // namespace sonde::elf
