#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/elf/cfi_expression.h"
#include "agent/elf/cfi_state.h"
#include "agent/elf/compile_statistics.h"
#include "bpf/abi/unwind.h"

namespace sonde::elf {

constexpr uint16_t CommandRule(abi::unwind_command command) {
  return static_cast<uint16_t>(command << UNWIND_RULE_CFA_SHIFT | UNWIND_RBP_ESCAPE);
}

// Turns states of CFI into the 16-bit rules of bpf/abi/unwind.h, and collects one file's escapes.
class RuleEncoder {
 public:
  explicit RuleEncoder(CompileStatistics* statistics) : statistics_(*statistics) {}

  // `state` is null where CFI is broken. `is_signal_frame` is the CIE's 'S'.
  uint16_t Encode(const CfiState* state, bool is_signal_frame);
  // UNWIND_BAD_RULE, counted under its cause.
  uint16_t Bad(BadRule cause);

  std::vector<abi::unwind_escape> TakeEscapes() { return std::move(escapes_); }

 private:
  uint16_t EncodeRare(const CfiState& state, bool is_signal_frame);
  uint16_t EncodeEscape(const LinearValue& cfa, const CfiState& state);
  uint16_t IndexOf(const abi::unwind_escape& escape);

  struct EscapeHash {
    size_t operator()(const std::pair<uint64_t, uint64_t>& key) const {
      return (key.first ^ key.second >> 29) * 0x9E3779B97F4A7C15U ^ key.second;
    }
  };

  CompileStatistics& statistics_;
  std::vector<abi::unwind_escape> escapes_;
  std::unordered_map<std::pair<uint64_t, uint64_t>, uint16_t, EscapeHash> indexes_;
};

}  // namespace sonde::elf
