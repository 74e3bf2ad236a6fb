#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/code_map.h"
#include "agent/elf/code_ranges.h"
#include "agent/elf/go_frame.h"
#include "agent/elf/pclntab.h"
#include "agent/elf/unwind_rules.h"

namespace sonde::elf {

// The rules of Go's functions: CFA = rsp + stack delta + 8; the caller's rbp at CFA - 16 where the function's code
// saves it there, as it is without a frame, unknown in assembly with a frame of another kind. Functions that move rsp
// to another stack go by their frame pointer, which still points into the stack that called them; those without one are
// bad rules, and those that begin anew on another stack its bottom. Roots of goroutines and threads are the bottom. All
// arguments are borrowed.
class GoRules : public RuleSource {
 public:
  // Errors: kNotFound (no Go program, or one whose code does not fit its table), and those of Pclntab::Read.
  static absl::StatusOr<std::unique_ptr<GoRules>> Create(const ElfFile& file, const CodeMap& code, RuleEncoder* encoder,
                                                         CompileStatistics* statistics);

  absl::Status AddRanges(uint32_t source, std::vector<CodeRange>* ranges) override;
  void Write(const CodeRange& range, RangeWriter* writer) override;

 private:
  GoRules(Pclntab table, uint64_t text, const ElfFile& file, const CodeMap& code, RuleEncoder* encoder,
          CompileStatistics* statistics);
  void WriteUntilItLeaves(const GoFunction& function, const CodeRange& range, RangeWriter* writer);
  void WriteDeltas(const GoFunction& function, uint64_t bias, RangeWriter* writer);
  std::optional<GoFrame> FrameOf(const GoFunction& function);
  uint16_t RuleAt(const GoFunction& function, const std::optional<GoFrame>& frame, uint64_t at, int64_t delta);

  Pclntab table_;
  uint64_t text_;
  const CodeMap& code_;
  const ByteSource source_;
  CodeWindow window_;
  RuleEncoder& encoder_;
  CompileStatistics& statistics_;
};

}  // namespace sonde::elf
