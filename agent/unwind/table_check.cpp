#include "agent/unwind/table_check.h"

#include <algorithm>
#include <span>

namespace sonde::unwind {
namespace {

constexpr uint16_t kCommandsInUse = abi::UNWIND_OTHER_STACK + 1;
constexpr uint8_t kFlagsInUse = abi::UNWIND_CFA_LOADED | abi::UNWIND_RBP_SAVED | abi::UNWIND_RBP_FROM_REGISTER |
                                abi::UNWIND_RA_IN_REGISTER | abi::UNWIND_RBP_UNKNOWN;

absl::Status NoTable(const char* what) { return absl::InvalidArgumentError(what); }

bool IsRule(uint16_t rule, size_t escapes) {
  if ((rule & UNWIND_RULE_RBP) != UNWIND_RBP_ESCAPE) return true;
  const unsigned index = rule >> UNWIND_RULE_CFA_SHIFT;
  return index < abi::UNWIND_COMMANDS ? index < kCommandsInUse : index - abi::UNWIND_COMMANDS < escapes;
}

absl::Status CheckRows(std::span<const abi::unwind_row> rows, size_t escapes) {
  int before = -1;
  if (rows[0].pc != 0) return NoTable("a page of a table does not begin at its begin");
  for (const abi::unwind_row& row : rows) {
    if (row.pc <= before) return NoTable("rows of a table are out of order");
    if (!IsRule(row.rule, escapes)) return NoTable("a row of a table refers to what there is not");
    before = row.pc;
  }
  return absl::OkStatus();
}

bool IsEscape(const abi::unwind_escape& escape) {
  return (escape.flags & ~kFlagsInUse) == 0 && escape.cfa_register < UNWIND_REGISTERS &&
         escape.rbp_register < UNWIND_REGISTERS && escape.ra_register < UNWIND_REGISTERS;
}

}  // namespace

uint64_t MostPages(uint64_t file_bytes) { return (file_bytes >> UNWIND_PAGE_SHIFT) + 1; }
// Each page begins with a row, too.
uint64_t MostRows(uint64_t file_bytes) { return file_bytes + MostPages(file_bytes); }

absl::Status CheckTable(const elf::UnwindTable& table, uint64_t file_bytes) {
  const uint64_t most = MostPages(file_bytes);
  if (table.base_page > most || table.pages.size() > most - table.base_page) {
    return NoTable("a table has pages outside of its file");
  }
  if (table.escapes.size() > elf::kMaxUnwindEscapes || !std::ranges::all_of(table.escapes, IsEscape)) {
    return NoTable("a table has escapes that cannot be");
  }
  const std::span<const abi::unwind_row> rows(table.rows);
  size_t next = 0;
  for (const elf::UnwindTablePage& page : table.pages) {
    if (page.count == 0) continue;
    if (page.first != next || page.count > UNWIND_PAGE_ROWS || page.count > rows.size() - next) {
      return NoTable("pages of a table do not divide its rows");
    }
    if (absl::Status status = CheckRows(rows.subspan(next, page.count), table.escapes.size()); !status.ok())
      return status;
    next += page.count;
  }
  return next == rows.size() ? absl::OkStatus() : NoTable("a table has rows of no page");
}

}  // namespace sonde::unwind
