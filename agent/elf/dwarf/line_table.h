#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/elf/dwarf/dwarf_unit.h"

namespace sonde::elf {

// The header of a unit's line table: how its program is to be read, and which files it numbers. DWARF 2 to 5.
class LineTable {
 public:
  // REQUIRES: the unit, or for a split one its skeleton, has lines, and outlives this. Errors: kInvalidArgument,
  // kResourceExhausted.
  static absl::StatusOr<LineTable> Read(const DwarfUnit& unit, WorkBudget* budget);

  // The file of a number that a row or DW_AT_call_file gives; empty when there is none.
  std::string FileAt(uint64_t number) const;

  // For reading the program.
  struct Parameters {
    uint8_t min_instruction_bytes = 1;
    uint8_t operations_per_instruction = 1;
    int8_t line_base = 0;
    uint8_t line_range = 1;  // not 0
    uint8_t opcode_base = 1;
    std::span<const std::byte> operand_counts;  // of opcode 1 and so on
  };
  const Parameters& Shape() const { return parameters_; }
  std::span<const std::byte> Program() const { return program_; }

 private:
  struct File {
    AttributeValue name;
    uint64_t folder = 0;
  };
  struct EntryForm {
    uint64_t content = 0;
    uint64_t form = 0;
  };

  explicit LineTable(const DwarfUnit& unit) : unit_(&unit) {}
  absl::Status ReadHeader(std::span<const std::byte> bytes, WorkBudget* budget);
  bool ReadOldTables(ByteCursor* cursor, WorkBudget* budget);
  bool ReadEntries(ByteCursor* cursor, WorkBudget* budget, std::vector<File>* out);
  std::string FolderAt(uint64_t number) const;

  const DwarfUnit* unit_;
  UnitFormat format_;
  Parameters parameters_;
  std::vector<File> folders_;
  std::vector<File> files_;
  std::span<const std::byte> program_;
};

}  // namespace sonde::elf
