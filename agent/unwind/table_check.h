#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "agent/elf/unwind_table.h"

namespace sonde::unwind {

// Whether a table that somebody else made may be given to the kernel side, for a file of `file_bytes`: pages of the
// file alone, each within its bound and behind the one before; rows in rising order, from the page's begin on; commands
// that there are; escapes that the table has, of registers that there are. A table that passes may lead walks astray,
// and nothing else: it says where in a process's own memory they look, and what they find there counts only where it is
// code that the process has mapped. kInvalidArgument otherwise. Some nanoseconds a row.
absl::Status CheckTable(const elf::UnwindTable& table, uint64_t file_bytes);

// The most pages and rows that a table of such a file has: at most one row begins at each byte, and one where the code
// ends.
uint64_t MostPages(uint64_t file_bytes);
uint64_t MostRows(uint64_t file_bytes);

}  // namespace sonde::unwind
