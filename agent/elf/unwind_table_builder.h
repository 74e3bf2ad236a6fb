#pragma once

#include <cstdint>

#include "agent/elf/compile_statistics.h"
#include "agent/elf/unwind_table.h"

namespace sonde::elf {

// Cuts rules, given in rising order of file offsets, into pages of rows. Equal neighbours become one row; each page
// that has any begins with a row; a page of nothing but UNWIND_UNCOVERED has none. Code begins as UNWIND_UNCOVERED.
class UnwindTableBuilder {
 public:
  explicit UnwindTableBuilder(CompileStatistics* statistics) : statistics_(*statistics) {}

  void Reserve(size_t rows) { table_.rows.reserve(rows); }

  // From `offset` on `rule` holds, until told otherwise. REQUIRES: `offset` is not below that of the call before; at
  // the same offset the last call wins.
  void Set(uint64_t offset, uint16_t rule);

  // False: there are more rows than kMaxUnwindRows, and the table is no good.
  bool IsWithinLimits() const;

  // The table, without escapes. REQUIRES: the last Set was of UNWIND_UNCOVERED.
  UnwindTable Finish();

 private:
  void OpenPage(uint64_t page);
  void ClosePage();
  void PutRow(uint16_t pc, uint16_t rule);

  CompileStatistics& statistics_;
  UnwindTable table_;
  uint16_t rule_ = 1;  // what holds: at first UNWIND_UNCOVERED
  bool has_page_ = false;
};

}  // namespace sonde::elf
