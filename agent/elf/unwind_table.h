#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bpf/abi/unwind.h"

namespace sonde::elf {

// Following code costs some ten times what reading CFI of as much code does.
enum class CodeEffort {
  kAll,
  kSoon,  // much code without CFI is left out, which the table says
};

// As many as a rule can name.
inline constexpr size_t kMaxUnwindEscapes = (size_t{1} << UNWIND_RULE_INDEX_BITS) - abi::UNWIND_COMMANDS;

// Rows of one 64 KiB page of file offsets: UnwindTable::rows[first, first + count). Count 0: no CFI covers the page.
struct UnwindTablePage {
  uint32_t first = 0;
  uint32_t count = 0;
};

// One file's CFI, compiled into the rows that the kernel side walks by (bpf/abi/unwind.h). Immutable once built; not
// tied to any process.
struct UnwindTable {
  uint64_t base_page = 0;  // file offset >> UNWIND_PAGE_SHIFT of pages[0]
  std::vector<UnwindTablePage> pages;
  std::vector<abi::unwind_row> rows;  // page by page; the first row of a page that has any is at pc 0
  std::vector<abi::unwind_escape> escapes;
  bool leaves_out_code = false;  // made soon: CodeEffort::kAll has more

  size_t Bytes() const {
    return pages.size() * sizeof(abi::unwind_page) + rows.size() * sizeof(abi::unwind_row) +
           escapes.size() * sizeof(abi::unwind_escape);
  }
};

}  // namespace sonde::elf
