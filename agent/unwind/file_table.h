#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "agent/elf/elf_file.h"
#include "agent/elf/unwind_compiler.h"
#include "agent/model/executable_file.h"

namespace sonde::unwind {

using Compile = std::function<absl::StatusOr<elf::UnwindTable>(const elf::ElfFile&, elf::CodeEffort)>;

// The table of a file, or of the kernel's vdso. kNotFound: there is nothing to compile, walks go by frame pointers;
// other errors: it cannot be read or is hostile.
absl::StatusOr<elf::UnwindTable> TableOf(const model::ExecutableFile& file, const Compile& compile, elf::CodeEffort effort);

}  // namespace sonde::unwind
