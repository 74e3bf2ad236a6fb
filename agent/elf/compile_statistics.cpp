#include "agent/elf/compile_statistics.h"

namespace sonde::elf {
namespace {

template <typename T, size_t kSize>
void AddEach(const std::array<T, kSize>& from, std::array<T, kSize>* into) {
  for (size_t i = 0; i < kSize; ++i) (*into)[i] += from[i];
}

}  // namespace

std::string_view Name(CfiSkip cause) {
  constexpr std::array<std::string_view, static_cast<size_t>(CfiSkip::kCount)> kNames = {
      "truncated", "bad CIE", "bad address", "not in code", "empty", "covered already", "too many"};
  return kNames.at(static_cast<size_t>(cause));
}

std::string_view Name(BadRule cause) {
  constexpr std::array<std::string_view, static_cast<size_t>(BadRule::kCount)> kNames = {
      "CFA undefined",        "CFA expression", "CFA out of range", "return address", "return column", "stack pointer",
      "unknown signal frame", "instruction",    "escapes full",     "page full",      "stack switch"};
  return kNames.at(static_cast<size_t>(cause));
}

std::string_view Name(abi::unwind_command command) {
  switch (command) {
    case abi::UNWIND_UNCOVERED:
      return "uncovered";
    case abi::UNWIND_BOTTOM:
      return "bottom";
    case abi::UNWIND_PLT_10:
      return "PLT 10";
    case abi::UNWIND_PLT_11:
      return "PLT 11";
    case abi::UNWIND_SIGNAL:
      return "signal";
    case abi::UNWIND_BAD_RULE:
      return "bad rule";
    case abi::UNWIND_FRAME_POINTER:
      return "frame pointer";
    case abi::UNWIND_OTHER_STACK:
      return "other stack";
    default:
      return "unknown command";
  }
}

void CompileStatistics::CountRows(std::span<const abi::unwind_row> table) {
  rows += table.size();
  for (const abi::unwind_row& row : table) {
    if ((row.rule & UNWIND_RULE_RBP) != UNWIND_RBP_ESCAPE) {
      ++direct_rows;
      continue;
    }
    unsigned index = row.rule >> UNWIND_RULE_CFA_SHIFT;
    ++(index < abi::UNWIND_COMMANDS ? command_rows[index] : escape_rows);
  }
}

void CompileStatistics::Add(const CompileStatistics& other) {
  cfi_bytes += other.cfi_bytes;
  fdes += other.fdes;
  go_functions += other.go_functions;
  followed_functions += other.followed_functions;
  followed_bytes += other.followed_bytes;
  rows += other.rows;
  direct_rows += other.direct_rows;
  escape_rows += other.escape_rows;
  AddEach(other.command_rows, &command_rows);
  AddEach(other.bad_rules, &bad_rules);
  for (size_t i = 0; i < skips.size(); ++i) {
    skips[i].fdes += other.skips[i].fdes;
    skips[i].cfi_bytes += other.skips[i].cfi_bytes;
  }
  covered_bytes += other.covered_bytes;
  padding_bytes += other.padding_bytes;
  uncovered_bytes += other.uncovered_bytes;
}

}  // namespace sonde::elf
