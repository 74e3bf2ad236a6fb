#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"

namespace sonde::names {

// The ELF image that a stripped file of some distributions carries in .gnu_debugdata, packed by xz: its symbols that no
// dynamic linker needs. kNotFound: there is none; kResourceExhausted: it would be over 64 MiB, or eight times the file;
// kInvalidArgument: it is broken.
absl::StatusOr<std::vector<std::byte>> UnpackMiniDebugInfo(const elf::ElfFile& file);

}  // namespace sonde::names
