#pragma once

#include <cstdint>
#include <optional>

#include "agent/elf/elf_file.h"
#include "agent/elf/pclntab_place.h"

namespace sonde::elf {

// What the runtime's own description of a Go program (its moduledata) says and the pclntab leaves open.
struct GoModule {
  uint64_t text = 0;       // where Go's code begins: an ELF address
  uint64_t functions = 0;  // what the function data of Go 1.18 and later counts from
};

// Finds it by its first words, which point to the table and into it, in the data of a program or, where that waits for
// the dynamic linker, in its relocations. Nothing is found in programs before Go 1.16, and where their data contradicts
// itself. `names_offset` and `units_offset` are the table's own.
std::optional<GoModule> FindGoModule(const ElfFile& file, const PclntabPlace& table, uint32_t magic,
                                     uint64_t names_offset, uint64_t units_offset);

}  // namespace sonde::elf
