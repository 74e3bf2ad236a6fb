#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "agent/elf/dwarf/dwarf_file.h"
#include "agent/elf/source_lines.h"

namespace sonde::elf {

// Names of functions by their entries. An inlined call says only what it is an instance of, and that may say only which
// declaration it belongs to, in another unit or in the alternate file: they are followed for up to kMaxOrigins steps.
class FunctionNames {
 public:
  struct Name {
    std::string_view text;  // of the answers; empty: none is known
    uint32_t start_line = 0;
  };

  FunctionNames(SourceAnswers* answers, WorkBudget* budget) : answers_(*answers), budget_(*budget) {}

  Name Of(std::shared_ptr<const DwarfUnit> unit, uint64_t entry);

 private:
  struct Entry;
  struct Link;

  Entry Read(const DwarfUnit& unit, uint64_t entry) const;
  Link Follow(const std::shared_ptr<const DwarfUnit>& unit, const AttributeValue& reference);

  SourceAnswers& answers_;
  WorkBudget& budget_;
  absl::flat_hash_map<std::pair<const DwarfFile*, uint64_t>, Name> known_;
};

}  // namespace sonde::elf
