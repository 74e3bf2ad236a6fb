#pragma once

#include <array>
#include <cstdint>

namespace sonde::cfi_rows {

// What one step of a walk gives.
struct WalkedFrame {
  bool is_bottom = false;
  bool knows_rbp = true;
  uint64_t cfa = 0;
  uint64_t rbp = 0;
  uint64_t return_address = 0;
};

// Registers (by DWARF number, 16 is rip) and memory of a machine that never was: each register and each word of memory
// is an arbitrary but fixed number, so two rules that give the same numbers say the same thing.
struct ArbitraryMachine {
  std::array<uint64_t, 17> registers{};

  static uint64_t Scramble(uint64_t value) {
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9U;
    value = (value ^ value >> 27) * 0x94D049BB133111EBU;
    return value ^ value >> 31;
  }
  explicit ArbitraryMachine(uint64_t rip) {
    for (uint64_t i = 0; i < registers.size(); ++i) registers[i] = Scramble(rip * 32 + i + 1) & ~uint64_t{7};
    registers[16] = rip;
  }
  uint64_t Load(uint64_t address) const { return Scramble(address + 0x5157); }
};

}  // namespace sonde::cfi_rows
