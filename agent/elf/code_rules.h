#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "agent/elf/code_map.h"
#include "agent/elf/code_ranges.h"
#include "agent/elf/code_walk.h"
#include "agent/elf/symbol_table.h"
#include "agent/elf/unwind_rules.h"

namespace sonde::elf {

// Whether a function's name says that it is a part of another one, split off.
bool IsSplitOff(std::string_view name);

// Functions that a symbol table names and nothing else describes: of C libraries that are built without CFI, of V8's
// built-in code, of assembly. Their rules are found by following their machine code; tests/cfi_rows tells how often
// that comes to what CFI says. Not of parts that compilers split off (".cold"): these are jumped to with any frame.
class CodeRules : public RuleSource {
 public:
  // All are borrowed.
  CodeRules(const ElfFile& file, const CodeMap& code, RuleEncoder* encoder, CompileStatistics* statistics)
      : file_(file), code_(code), encoder_(*encoder), statistics_(*statistics) {}

  absl::Status AddRanges(uint32_t source, std::vector<CodeRange>* ranges) override;
  void Write(const CodeRange& range, RangeWriter* writer) override;

 private:
  uint16_t RuleOf(const FrameChange& change);
  std::span<const FrameChange> Follow(const CodeRange& range);

  const ElfFile& file_;
  const CodeMap& code_;
  RuleEncoder& encoder_;
  CompileStatistics& statistics_;
  std::optional<SymbolTable> symbols_;
  CodeWalk walk_;
  std::vector<std::byte> bytes_;
};

}  // namespace sonde::elf
