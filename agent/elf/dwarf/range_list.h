#pragma once

#include <cstdint>
#include <vector>

#include "agent/elf/dwarf/dwarf_unit.h"

namespace sonde::elf {

struct AddressRange {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// Adds the code that an entry says it has, by its DW_AT_low_pc, DW_AT_high_pc and DW_AT_ranges: none for a declaration.
// Empty ranges, and what the linker threw away, are left out. False when the lists go wrong or over limits.h.
bool AddRanges(const DwarfUnit& unit, const AttributeValue& low_pc, const AttributeValue& high_pc,
               const AttributeValue& ranges, WorkBudget* budget, std::vector<AddressRange>* out);

}  // namespace sonde::elf
