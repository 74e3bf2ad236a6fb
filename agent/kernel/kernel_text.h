#pragma once

#include <cstdint>
#include <string_view>

namespace sonde::kernel {

// Addresses [start, end) of code; both 0 when it is not known where it lies.
struct CodeRange {
  uint64_t start = 0;
  uint64_t end = 0;
};

// Code of the kernel by which stacks are told apart.
struct KernelText {
  CodeRange scheduler;          // where a blocked thread's stack begins
  CodeRange interrupt_entries;  // where the stack of an interrupt ends
};

// From the text of /proc/kallsyms; empty ranges when it lacks the symbols or hides their addresses.
KernelText ParseKernelText(std::string_view kallsyms);

// The same of this kernel.
KernelText FindKernelText();

}  // namespace sonde::kernel
