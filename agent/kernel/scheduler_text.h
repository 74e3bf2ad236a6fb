#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sonde::kernel {

// Addresses [start, end) of the kernel's scheduler code: where a blocked thread's stack begins.
struct SchedulerText {
  uint64_t start = 0;
  uint64_t end = 0;
};

// From the text of /proc/kallsyms; empty when it lacks the symbols or hides their addresses.
SchedulerText ParseSchedulerText(std::string_view kallsyms);

// The same of this kernel.
SchedulerText FindSchedulerText();

}  // namespace sonde::kernel
