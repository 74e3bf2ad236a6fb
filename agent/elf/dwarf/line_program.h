#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/elf/dwarf/dwarf_file.h"
#include "agent/elf/dwarf/line_table.h"
#include "agent/elf/dwarf/work_budget.h"

namespace sonde::elf {

// Where code at an address comes from, as a line table's row says: a number of a file there, and a line.
struct LineRow {
  bool is_set = false;
  uint64_t file = 0;
  uint32_t line = 0;
};

// Runs the table's program once and gives the rows of these addresses; those that no sequence covers stay unset.
// REQUIRES: the addresses rise. Errors: kInvalidArgument (the program contradicts itself), kResourceExhausted: rows
// until then are good.
absl::Status FindRows(const LineTable& table, const DwarfFile& file, std::span<const uint64_t> addresses,
                      WorkBudget* budget, std::span<LineRow> rows);

}  // namespace sonde::elf
