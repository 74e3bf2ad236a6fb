#pragma once

#include <cstdint>
#include <istream>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace sonde::symbolize {

// A symbol of /proc/kallsyms, code or variable. Views hold while it is told of.
struct KallsymsEntry {
  uint64_t address = 0;
  char type = 0;  // as nm(1) has it
  std::string_view name;
  std::string_view module;  // "ext4", "bpf", ...; empty for the kernel proper
};

// Tells `take` of every symbol in the text of /proc/kallsyms ("ADDRESS TYPE NAME" and, after a tab, "[MODULE]") but
// those whose address the kernel hides. Passes over lines that are otherwise.
void ReadKallsyms(std::istream& text, absl::FunctionRef<void(const KallsymsEntry&)> take);

}  // namespace sonde::symbolize
