#include "agent/kernel/scheduler_text.h"

#include <charconv>

#include "base/read_file.h"

namespace sonde::kernel {
namespace {

// Address of the symbol whose line ends in `tail` (" T name\n"); 0 when there is none.
uint64_t AddressBefore(std::string_view kallsyms, std::string_view tail) {
  constexpr size_t kHexDigits = 16;
  size_t found = kallsyms.find(tail);
  if (found == std::string_view::npos || found < kHexDigits) return 0;
  uint64_t address = 0;
  std::string_view digits = kallsyms.substr(found - kHexDigits, kHexDigits);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address, 16);
  return error == std::errc() && end == digits.data() + digits.size() ? address : 0;
}

}  // namespace

SchedulerText ParseSchedulerText(std::string_view kallsyms) {
  SchedulerText text{.start = AddressBefore(kallsyms, " T __sched_text_start\n"),
                     .end = AddressBefore(kallsyms, " T __sched_text_end\n")};
  return text.start != 0 && text.end > text.start ? text : SchedulerText{};
}

SchedulerText FindSchedulerText() {
  constexpr size_t kMostBytes = size_t{64} << 20;
  absl::StatusOr<std::string> kallsyms = base::ReadFile("/proc/kallsyms", kMostBytes);
  return kallsyms.ok() ? ParseSchedulerText(*kallsyms) : SchedulerText{};
}

}  // namespace sonde::kernel
