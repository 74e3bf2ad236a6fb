#pragma once

#include <cstdint>
#include <vector>

#include "agent/elf/code_map.h"
#include "agent/elf/code_ranges.h"

namespace sonde::elf {

// Where a program, or the loader of programs, begins: the outermost frame, since nobody calls it. Hand-written, and in
// the C library's loader without CFI; crt1.o has it.
class EntryRules : public RuleSource {
 public:
  // Both are borrowed.
  EntryRules(const ElfFile& file, const CodeMap& code) : file_(file), code_(code) {}

  // `ranges` holds what is covered already, sorted: the entry ends where that begins.
  absl::Status AddRanges(uint32_t source, std::vector<CodeRange>* ranges) override;
  void Write(const CodeRange& range, RangeWriter* writer) override;

 private:
  const ElfFile& file_;
  const CodeMap& code_;
};

}  // namespace sonde::elf
