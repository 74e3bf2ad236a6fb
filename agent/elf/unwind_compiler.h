#pragma once

#include "absl/status/statusor.h"
#include "agent/elf/compile_statistics.h"
#include "agent/elf/elf_file.h"
#include "agent/elf/unwind_table.h"

namespace sonde::elf {

// Compiles a file's CFI, of .eh_frame and then, for code that it does not cover, of .debug_frame, into the table that
// the kernel side walks by. Functions that neither describes get their rules from their code (code_rules.h). Where two
// FDEs describe the same code the one that begins first holds, and of two that begin together the first in the file.
//
// The file is hostile: time and memory are linear in its CFI, which is capped (limits.h). A rule that the format cannot
// say, or that is malformed, becomes UNWIND_BAD_RULE, and the rest is compiled nevertheless; `statistics`, which may be
// null, says how much of what. About 5 million rows a second; memory is that of the section, 12 bytes an FDE and the
// table.
//
// Errors: kNotFound: the file has no CFI at all (walk by frame pointers). kInvalidArgument: it has, but nothing of it
// can be used. kResourceExhausted: over a cap. kUnimplemented: not x86-64.
absl::StatusOr<UnwindTable> CompileUnwindTable(const ElfFile& file, CompileStatistics* statistics,
                                               CodeEffort effort = CodeEffort::kAll);

}  // namespace sonde::elf
