#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "agent/elf/code_ranges.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// Much code in one piece that nothing describes: generated, as V8's built-in functions are, or hand-written. Where its
// functions set up frame pointers it goes by these, as the same code does that was made at run time; code that sets up
// none is left without a rule, since what is in rbp there may be anything. Less exact than following each function
// (code_rules.h), but needs no symbols, and hardly any time.
class FramePointerRules : public RuleSource {
 public:
  struct Gap {
    uint64_t begin = 0;  // offsets in the file
    uint64_t end = 0;
  };

  // `file` is borrowed. `gaps` are what no other source covers.
  FramePointerRules(const ElfFile& file, std::vector<Gap> gaps) : file_(file), gaps_(std::move(gaps)) {}

  absl::Status AddRanges(uint32_t source, std::vector<CodeRange>* ranges) override;
  void Write(const CodeRange& range, RangeWriter* writer) override;

 private:
  bool SetsUpFramePointers(const Gap& gap);

  const ElfFile& file_;
  std::vector<Gap> gaps_;
  uint64_t read_bytes_ = 0;
};

}  // namespace sonde::elf
