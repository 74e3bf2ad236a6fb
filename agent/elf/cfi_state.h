#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sonde::elf {

// DWARF numbers of the registers that matter.
inline constexpr uint64_t kDwarfRbp = 6;
inline constexpr uint64_t kDwarfRsp = 7;
inline constexpr uint64_t kDwarfReturnAddress = 16;

// Where the caller's value of one register is.
struct RegisterState {
  enum class Kind : uint8_t {
    kUnspecified,  // what the ABI says: rbp as it is, rsp the CFA
    kSame,
    kUndefined,
    kAtCfa,         // in memory at CFA + offset
    kIsCfa,         // is CFA + offset
    kInRegister,    // in `reg`
    kAtExpression,  // in memory at what `expression` gives
    kIsExpression,  // is what it gives
  };
  Kind kind = Kind::kUnspecified;
  uint64_t reg = 0;
  int64_t offset = 0;
  std::span<const std::byte> expression;
};

// The canonical frame address.
struct CfaState {
  enum class Kind : uint8_t { kUndefined, kRegister, kExpression };
  Kind kind = Kind::kUndefined;
  uint64_t reg = 0;  // the CFA is reg + offset
  int64_t offset = 0;
  std::span<const std::byte> expression;
};

// What holds at one instruction, of what a walk by rsp, rbp and rip needs. Spans point into the section.
struct CfiState {
  CfaState cfa;
  RegisterState rbp;
  RegisterState rsp;
  RegisterState return_address;
};

}  // namespace sonde::elf
