#pragma once

#include <cstdint>
#include <vector>

#include "agent/elf/code_map.h"
#include "agent/elf/code_ranges.h"

namespace sonde::elf {

// Code that linkers and the C runtime's start files put into programs, where it has no CFI: stubs that jump through the
// procedure linkage table, and _init and _fini when they look as usual.
class LinkerRules : public RuleSource {
 public:
  // Both are borrowed.
  LinkerRules(const ElfFile& file, const CodeMap& code) : file_(file), code_(code) {}

  absl::Status AddRanges(uint32_t source, std::vector<CodeRange>* ranges) override;
  void Write(const CodeRange& range, RangeWriter* writer) override;

 private:
  enum class Kind : uint8_t { kLazyStubs, kStubs, kInitialiser };
  struct Code {
    Kind kind;
    uint32_t frame_begin = 0;  // of an initialiser, from its first byte: where its frame is made
    uint32_t frame_end = 0;    // and given up again
  };

  bool Recognise(const Section& section, Code* code) const;

  const ElfFile& file_;
  const CodeMap& code_;
  std::vector<Code> found_;  // by CodeRange::position
};

}  // namespace sonde::elf
