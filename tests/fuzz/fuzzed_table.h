#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>

#include "agent/elf/cfi_image_for_test.h"
#include "agent/elf/unwind_compiler.h"
#include "agent/unwind/table_check.h"

namespace sonde::fuzz {

inline void Require(bool holds) {
  if (!holds) std::abort();
}

inline void CompileAndCheck(std::span<const std::byte> image) {
  auto file = elf::ElfFile::Open(elf::ByteSource(image));
  if (!file.ok()) return;
  elf::CompileStatistics statistics;
  auto table = elf::CompileUnwindTable(*file, &statistics);
  if (!table.ok()) {
    Require(!table.status().message().empty());
    return;
  }
  // What the kernel side may rely on, whatever the file was.
  Require(unwind::CheckTable(*table, image.size()).ok());
  Require(statistics.rows == table->rows.size());
}

}  // namespace sonde::fuzz
