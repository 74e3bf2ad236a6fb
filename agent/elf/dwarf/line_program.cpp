#include "agent/elf/dwarf/line_program.h"

#include <algorithm>

namespace sonde::elf {
namespace {

// Sections 6.2.5.2 and 6.2.5.3 of DWARF 5.
enum LineOpcode : uint8_t {
  kExtended = 0,
  kCopy = 1,
  kAdvancePc = 2,
  kAdvanceLine = 3,
  kSetFile = 4,
  kSetColumn = 5,
  kNegateStatement = 6,
  kSetBasicBlock = 7,
  kConstAddPc = 8,
  kFixedAdvancePc = 9,
};
enum ExtendedLineOpcode : uint8_t { kEndSequence = 1, kSetAddress = 2 };

class LineMachine {
 public:
  LineMachine(const LineTable& table, const DwarfFile& file, std::span<const uint64_t> addresses, WorkBudget* budget,
              std::span<LineRow> rows)
      : shape_(table.Shape()),
        program_(table.Program()),
        file_(file),
        addresses_(addresses),
        budget_(*budget),
        rows_(rows) {}

  absl::Status Run() {
    while (!program_.AtEnd()) {
      if (!budget_.Take(1)) return absl::ResourceExhaustedError("line tables are too long");
      uint8_t opcode = program_.Byte();
      if (opcode >= shape_.opcode_base)
        Special(opcode);
      else if (opcode == kExtended)
        Extended();
      else
        Standard(opcode);
    }
    return program_.Ok() ? absl::OkStatus() : absl::InvalidArgumentError("a line table is cut off");
  }

 private:
  struct Registers {
    uint64_t address = 0;
    uint64_t operation = 0;
    uint64_t file = 1;
    uint32_t line = 1;
  };

  void Special(uint8_t opcode) {
    unsigned adjusted = opcode - shape_.opcode_base;
    Advance(adjusted / shape_.line_range);
    now_.line += static_cast<uint32_t>(shape_.line_base + static_cast<int>(adjusted % shape_.line_range));
    EmitRow();
  }

  void Standard(uint8_t opcode) {
    switch (opcode) {
      case kCopy:
        return EmitRow();
      case kAdvancePc:
        return Advance(program_.Uleb());
      case kAdvanceLine:
        now_.line += static_cast<uint32_t>(program_.Sleb());
        return;
      case kSetFile:
        now_.file = program_.Uleb();
        return;
      case kConstAddPc:
        return Advance((255U - shape_.opcode_base) / shape_.line_range);
      case kFixedAdvancePc:
        now_.address += program_.Read<uint16_t>();
        now_.operation = 0;
        return;
      default:
        for (auto left = static_cast<uint8_t>(shape_.operand_counts[opcode - 1]); left > 0; --left) program_.Uleb();
    }
  }

  void Extended() {
    ByteCursor body(program_.Take(program_.Uleb()));
    switch (body.Byte()) {
      case kEndSequence:
        CoverUpTo(now_.address);
        now_ = {};
        has_row_ = false;
        return;
      case kSetAddress:
        now_.address = body.Remaining() == 4 ? body.Read<uint32_t>() : body.Read<uint64_t>();
        now_.operation = 0;
        return;
      default:
        return;
    }
  }

  void Advance(uint64_t operations) {
    if (shape_.operations_per_instruction == 1) {
      now_.address += operations * shape_.min_instruction_bytes;
      return;
    }
    uint64_t all = now_.operation + operations;
    now_.address += all / shape_.operations_per_instruction * shape_.min_instruction_bytes;
    now_.operation = all % shape_.operations_per_instruction;
  }

  void EmitRow() {
    CoverUpTo(now_.address);
    bool goes_on = has_row_ && now_.address >= row_.address;
    row_ = now_;
    has_row_ = true;
    if (goes_on) return;
    is_dead_ = !file_.MayBeCode(row_.address);
    next_ = static_cast<size_t>(std::ranges::lower_bound(addresses_, row_.address) - addresses_.begin());
  }

  // The last row holds until here.
  void CoverUpTo(uint64_t end) {
    if (!has_row_ || is_dead_) return;
    for (; next_ < addresses_.size() && addresses_[next_] < end && budget_.Take(1); ++next_) {
      rows_[next_] = {true, row_.file, row_.line};
    }
  }

  const LineTable::Parameters& shape_;
  ByteCursor program_;
  const DwarfFile& file_;
  const std::span<const uint64_t> addresses_;
  WorkBudget& budget_;
  const std::span<LineRow> rows_;
  Registers now_;
  Registers row_;  // the last that was emitted in this sequence
  bool has_row_ = false;
  bool is_dead_ = false;  // the sequence's code was thrown away
  size_t next_ = 0;       // the first address that is not before the row
};

}  // namespace

absl::Status FindRows(const LineTable& table, const DwarfFile& file, std::span<const uint64_t> addresses,
                      WorkBudget* budget, std::span<LineRow> rows) {
  return LineMachine(table, file, addresses, budget, rows).Run();
}

}  // namespace sonde::elf
