#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>

#include "agent/elf/cfi_image_for_test.h"
#include "agent/elf/unwind_compiler.h"

namespace sonde::fuzz {

inline void Require(bool holds) {
  if (!holds) std::abort();
}

// What a table promises, whatever the file was: what the kernel side may rely on.
inline void RequireSound(const elf::UnwindTable& table) {
  uint64_t rows = 0;
  for (const elf::UnwindTablePage& page : table.pages) {
    if (page.count == 0) continue;
    Require(page.first == rows && page.count <= UNWIND_PAGE_ROWS);
    rows += page.count;
    Require(rows <= table.rows.size() && table.rows[page.first].pc == 0);
    for (uint32_t i = 1; i < page.count; ++i)
      Require(table.rows[page.first + i - 1].pc < table.rows[page.first + i].pc);
  }
  Require(rows == table.rows.size());
  for (const abi::unwind_row& row : table.rows) {
    unsigned index = row.rule >> UNWIND_RULE_CFA_SHIFT;
    bool is_escape = (row.rule & UNWIND_RULE_RBP) == UNWIND_RBP_ESCAPE;
    if (is_escape && index >= abi::UNWIND_COMMANDS) Require(index - abi::UNWIND_COMMANDS < table.escapes.size());
    if (is_escape && index < abi::UNWIND_COMMANDS) Require(index <= abi::UNWIND_OTHER_STACK);
  }
  for (const abi::unwind_escape& escape : table.escapes) {
    Require(escape.cfa_register < UNWIND_REGISTERS && escape.rbp_register < UNWIND_REGISTERS &&
            escape.ra_register < UNWIND_REGISTERS);
  }
}

inline void CompileAndCheck(std::span<const std::byte> image) {
  auto file = elf::ElfFile::Open(elf::ByteSource(image));
  if (!file.ok()) return;
  elf::CompileStatistics statistics;
  auto table = elf::CompileUnwindTable(*file, &statistics);
  if (!table.ok()) {
    Require(!table.status().message().empty());
    return;
  }
  RequireSound(*table);
  Require(statistics.rows == table->rows.size());
}

}  // namespace sonde::fuzz
