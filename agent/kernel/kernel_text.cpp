#include "agent/kernel/kernel_text.h"

#include <charconv>
#include <string>

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

CodeRange RangeBetween(std::string_view kallsyms, std::string_view first, std::string_view end) {
  const CodeRange range{.start = AddressBefore(kallsyms, first), .end = AddressBefore(kallsyms, end)};
  return range.start != 0 && range.end > range.start ? range : CodeRange{};
}

}  // namespace

KernelText ParseKernelText(std::string_view kallsyms) {
  // Entries of interrupts follow those of exceptions, in which a thread does its own work.
  return {.scheduler = RangeBetween(kallsyms, " T __sched_text_start\n", " T __sched_text_end\n"),
          .interrupt_entries = RangeBetween(kallsyms, " T asm_common_interrupt\n", " T __irqentry_text_end\n")};
}

KernelText FindKernelText() {
  constexpr size_t kMostBytes = size_t{64} << 20;
  absl::StatusOr<std::string> kallsyms = base::ReadFile("/proc/kallsyms", kMostBytes);
  return kallsyms.ok() ? ParseKernelText(*kallsyms) : KernelText{};
}

}  // namespace sonde::kernel
