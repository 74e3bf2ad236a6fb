#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/elf/elf_file.h"

namespace sonde::elf {

// Where ELF addresses of code lie in the file.
class CodeMap {
 public:
  struct Range {
    uint64_t file_offset = 0;
    uint64_t size = 0;
  };

  // Segments are cut to what the file has; of those that share addresses the lowest wins, and the rest is left out.
  explicit CodeMap(const ElfFile& file);

  // The part of [vaddr, vaddr + size) from `vaddr` on that is code in the file; empty when `vaddr` itself is not.
  // All its offsets fit 32 bits.
  std::optional<Range> Find(uint64_t vaddr, uint64_t size) const;

 private:
  std::vector<LoadSegment> segments_;  // by address, disjoint
};

}  // namespace sonde::elf
