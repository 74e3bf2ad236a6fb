#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "agent/elf/byte_cursor.h"
#include "agent/elf/cfi_reader.h"
#include "agent/elf/cfi_state.h"
#include "agent/elf/limits.h"

namespace sonde::elf {

// A range of code in one state. `state` belongs to the program and is valid until its next step; it is null where the
// instructions are broken, which then is the rest of the FDE.
struct CfiRow {
  uint64_t begin = 0;  // ELF addresses
  uint64_t end = 0;
  const CfiState* state = nullptr;
};

// Runs the instructions of FDEs, one after another. Allocates nothing; linear in the instructions' bytes.
class CfiProgram {
 public:
  explicit CfiProgram(const CfiSection& section) : section_(section) {}

  // What a CIE's own instructions establish. Empty when they are broken, or move the location.
  std::optional<CfiState> RunCie(const Cie& cie);

  // Begins an FDE. `initial` is what RunCie gave for its CIE. Both are borrowed until the next Start().
  void Start(const Cie& cie, const CfiState& initial, const Fde& fde);
  // The FDE's rows in rising order, without gaps, none empty, from its first byte to its last: locations beyond its end
  // are cut, and where the location would go back the instructions are broken.
  std::optional<CfiRow> Next();

 private:
  using Kind = RegisterState::Kind;

  // Up to an instruction that moves the location, or to the end. False: broken.
  bool RunToNextLocation();
  bool Step(uint8_t opcode);
  bool StepCfa(uint8_t opcode);
  bool StepRegister(uint8_t opcode);
  bool Advance(uint64_t delta);
  bool SetLocation();
  bool SetCfa(uint64_t reg, int64_t offset);
  bool ChangeCfa(uint64_t reg, int64_t offset);
  bool SetCfaExpression();
  bool SetRegister(uint64_t reg, const RegisterState& state);
  bool SetExpression(Kind kind);
  bool Restore(uint64_t reg);
  bool Remember();
  bool RestoreState();
  std::span<const std::byte> TakeExpression() { return cursor_.Take(cursor_.Uleb()); }
  int64_t Factored(uint64_t offset) const { return static_cast<int64_t>(offset * data_align_); }

  const CfiSection& section_;
  const CfiState* initial_ = nullptr;
  uint64_t code_align_ = 0;
  uint64_t data_align_ = 0;  // as signed as the offsets it multiplies: modulo 2^64
  uint8_t address_encoding_ = 0;
  ByteCursor cursor_;
  CfiState state_;
  uint64_t location_ = 0;
  uint64_t next_location_ = 0;
  uint64_t end_ = 0;
  bool is_broken_ = false;
  size_t remembered_count_ = 0;
  std::array<CfiState, kMaxRememberedStates> remembered_;
};

}  // namespace sonde::elf
