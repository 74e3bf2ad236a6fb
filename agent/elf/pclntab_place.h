#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// Where a Go program's table of functions lies. Its size may be that of all that follows it in its segment.
struct PclntabPlace {
  uint64_t file_offset = 0;
  uint64_t size = 0;
  uint64_t vaddr = 0;
};

// Magic numbers of the table, by the first version of Go that wrote them.
inline constexpr uint32_t kPclntabOfGo12 = 0xFFFFFFFB;
inline constexpr uint32_t kPclntabOfGo116 = 0xFFFFFFFA;
inline constexpr uint32_t kPclntabOfGo118 = 0xFFFFFFF0;
inline constexpr uint32_t kPclntabOfGo120 = 0xFFFFFFF1;

// By section, or, where Go left other marks or there are no section headers, by its magic number in a data segment:
// that of any version of Go. Errors: kNotFound (no Go), kInvalidArgument, kResourceExhausted over limits.h.
absl::StatusOr<PclntabPlace> FindPclntab(const ElfFile& file);

}  // namespace sonde::elf
