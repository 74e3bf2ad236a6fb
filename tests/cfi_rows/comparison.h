#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/elf/elf_file.h"
#include "agent/elf/unwind_table.h"
#include "libdw_oracle.h"

namespace sonde::cfi_rows {

// What came out of comparing tables with libdw. Classes are differences that have a name and an explanation; each
// counts places, and remembers one.
struct Verdict {
  struct Class {
    uint64_t places = 0;
    std::string example;
  };
  uint64_t compiled_rows = 0;
  uint64_t oracle_rows = 0;  // libdw's, all of which were compared
  uint64_t mismatches = 0;
  std::map<std::string, Class> classes;
  std::map<std::string, Class> mismatch_kinds;

  void Add(const Verdict& other);
};

struct ComparisonOptions {
  std::string name;          // of the file, for examples
  bool has_pclntab = false;  // rows that libdw knows nothing of may be Go's
};

// Compares every row with every answer of libdw within it: at its first byte, wherever libdw's answer changes, and at
// its last byte.
Verdict Compare(const elf::ElfFile& file, const elf::UnwindTable& table, const LibdwOracle& oracle,
                const ComparisonOptions& options);

}  // namespace sonde::cfi_rows
