#pragma once

#include "absl/status/statusor.h"
#include "agent/elf/debug_extract.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// What an ELF file has for debuggers, as an ELF file of its own: symbol tables, DWARF, Go's table of functions and
// notes keep their bytes, all other sections their headers alone (SHT_NOBITS), so that neither code nor constants of
// the program are in it. Sections have the numbers, names and addresses that they had; segments have no bytes.
//
// A file that shares its DWARF with others (dwz) goes without any DWARF: who reads it alone would find functions
// without names there, and never look at its symbol table.
//
// Errors: kNotFound (it names no function beyond those that it exports), kInvalidArgument and kResourceExhausted as
// ElfFile::Open().
absl::StatusOr<ExtractPlan> PlanExtract(const ElfFile& file);

}  // namespace sonde::elf
