#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bpf/abi/unwind.h"

namespace sonde::elf {

// Why call frame information was left out. The rest of the file's is used nevertheless.
enum class CfiSkip : uint8_t {
  kTruncated,   // a record that reaches past the section's end; ends the section
  kBadCie,      // an FDE whose CIE does not exist, is malformed, or has an unknown version or augmentation
  kBadAddress,  // an FDE whose address or size cannot be read
  kNotInCode,   // an FDE of addresses outside of the executable segments, as discarded functions have
  kEmpty,       // an FDE of no bytes
  kCovered,     // an FDE of code that another one, which comes first, covers
  kTooMany,     // records over the caps of limits.h
  kCount
};

// Why a row says UNWIND_BAD_RULE.
enum class BadRule : uint8_t {
  kCfaUndefined,
  kCfaExpression,  // of a form that the table cannot say
  kCfaRange,       // offsets of more than 32 bits, registers beyond r15
  kReturnAddress,  // neither in memory near the CFA nor in a register
  kReturnColumn,   // the CIE returns through another column than 16
  kStackPointer,   // the caller's rsp is not the CFA
  kSignalFrame,    // marked as signal frame, but not the kernel's
  kInstruction,    // an unknown, misplaced or cut-off instruction
  kEscapesFull,    // more different escapes than a rule can index
  kPageFull,       // more rows in 64 KiB of code than a page may have
  kStackSwitch,    // a Go function that changes to another stack
  kCount
};

std::string_view Name(CfiSkip cause);
std::string_view Name(BadRule cause);
std::string_view Name(abi::unwind_command command);

// What compiling one file's table met. Plain counts, to be added up over files.
struct CompileStatistics {
  struct Skip {
    uint64_t fdes = 0;
    uint64_t cfi_bytes = 0;
  };

  uint64_t cfi_bytes = 0;           // of the sections read
  uint64_t fdes = 0;                // that gave rows; also functions of Go's pclntab
  uint64_t go_functions = 0;        // those among them
  uint64_t followed_functions = 0;  // without CFI, whose code was followed
  uint64_t followed_bytes = 0;      // of these
  uint64_t rows = 0;                // = direct + escape + all commands
  uint64_t direct_rows = 0;
  uint64_t escape_rows = 0;
  std::array<uint64_t, abi::UNWIND_COMMANDS> command_rows{};
  std::array<uint64_t, static_cast<size_t>(BadRule::kCount)> bad_rules{};  // ranges of code, before equal ones merge
  std::array<Skip, static_cast<size_t>(CfiSkip::kCount)> skips{};
  uint64_t covered_bytes = 0;    // of code that FDEs describe
  uint64_t padding_bytes = 0;    // absorbed between functions
  uint64_t uncovered_bytes = 0;  // between functions, with no CFI

  Skip& operator[](CfiSkip cause) { return skips[static_cast<size_t>(cause)]; }
  uint64_t& operator[](BadRule cause) { return bad_rules[static_cast<size_t>(cause)]; }

  void CountRows(std::span<const abi::unwind_row> table);
  void Add(const CompileStatistics& other);
};

}  // namespace sonde::elf
