#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sonde::elf {

// What a DWARF expression comes to, when it is one of the simple forms that CFI is made of.
struct LinearValue {
  enum class Kind : uint8_t {
    kConstant,  // offset
    kRegister,  // reg + offset
    kLoaded,    // *(reg + offset) + addend
  };
  Kind kind = Kind::kConstant;
  uint64_t reg = 0;
  int64_t offset = 0;
  int64_t addend = 0;

  bool operator==(const LinearValue&) const = default;
};

// Stands for the CFA where a register is named: rules of registers begin with it on the stack.
inline constexpr uint64_t kCfaAsRegister = ~uint64_t{0};

// Follows an expression with symbols in place of register values; `initial` lies on the stack when there is one. Empty
// when it loads twice, multiplies, branches, or is malformed. Bounded by kMaxExpressionOperations.
std::optional<LinearValue> EvaluateLinear(std::span<const std::byte> expression, std::optional<LinearValue> initial);

// The form that linkers write for a PLT, CFA = rsp + 8 + ((rip & 15) >= n ? 8 : 0): its n. Empty for all else.
std::optional<unsigned> PltThreshold(std::span<const std::byte> expression);

}  // namespace sonde::elf
