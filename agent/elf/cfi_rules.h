#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/elf/cfi_program.h"
#include "agent/elf/cfi_reader.h"
#include "agent/elf/code_map.h"
#include "agent/elf/code_ranges.h"
#include "agent/elf/unwind_rules.h"

namespace sonde::elf {

// The rules that one section's CFI gives. All arguments are borrowed.
class CfiRules : public RuleSource {
 public:
  CfiRules(const CfiSection& section, const CodeMap& code, RuleEncoder* encoder, CompileStatistics* statistics);

  absl::Status AddRanges(uint32_t source, std::vector<CodeRange>* ranges) override;
  void Write(const CodeRange& range, RangeWriter* writer) override;

 private:
  const std::optional<CfiState>& InitialState(uint32_t cie);
  uint16_t RuleOf(const CfiRow& row, const Cie& cie);
  void ExpandPlt(const CfiRow& row, unsigned threshold, uint64_t bias, RangeWriter* writer);

  const CfiSection& section_;
  const CodeMap& code_;
  RuleEncoder& encoder_;
  CompileStatistics& statistics_;
  CfiReader reader_;
  CfiProgram program_;
  uint64_t plt_bytes_ = 0;                               // expanded so far
  std::vector<std::optional<CfiState>> initial_states_;  // by CIE; those up to its size are known
};

}  // namespace sonde::elf
