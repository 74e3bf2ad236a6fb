#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "agent/elf/code_frame.h"

namespace sonde::elf {

// One instruction: what it makes of the frame, and where execution goes from it.
struct CodeStep {
  CodeFrame after;
  uint32_t bytes = 0;
  bool goes_on = true;       // to the instruction behind it, also
  bool is_call = false;      // which may not come back
  bool is_filler = false;    // does nothing
  bool is_dispatch = false;  // jumps to where a register or memory says: a table of cases, or a call as the last act
  std::optional<int64_t> target;  // of a jump: from the instruction's first byte on
};

// Of the x86-64 instruction that `code` begins with, met with `before`. Empty for what is none. Any thread.
std::optional<CodeStep> StepOver(std::span<const std::byte> code, const CodeFrame& before);

}  // namespace sonde::elf
