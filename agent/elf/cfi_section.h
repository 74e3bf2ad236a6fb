#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// The bytes of .eh_frame or .debug_frame.
struct CfiSection {
  std::vector<std::byte> bytes;
  uint64_t vaddr = 0;  // of the first byte; 0 for .debug_frame, which is not loaded
  bool is_debug_frame = false;
};

// .eh_frame: by its section header, or, in a file without, by the pointer in .eh_frame_hdr (and then up to the end of
// the segment: its terminator ends it). Nothing else of .eh_frame_hdr is used: its search table may lie. Errors:
// kNotFound, kResourceExhausted over kMaxCfiBytes, kInvalidArgument when the bytes are not in the file.
absl::StatusOr<CfiSection> ReadEhFrame(const ElfFile& file);

// .debug_frame; errors as above, and kUnimplemented when it is compressed.
absl::StatusOr<CfiSection> ReadDebugFrame(const ElfFile& file);

}  // namespace sonde::elf
