#include "agent/symbolize/syscall_names.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sonde::symbolize {
namespace {

struct NumberedName {
  uint16_t number;
  const char* name;
};

// Made from the kernel's own header when the build is configured.
constexpr NumberedName kNames[] = {
#include "syscall_names.inc"
};

}  // namespace

std::string SyscallName(uint16_t number) {
  const auto* found = std::ranges::find(kNames, number, &NumberedName::number);
  return found != std::end(kNames) ? found->name : absl::StrCat("syscall ", number);
}

}  // namespace sonde::symbolize
