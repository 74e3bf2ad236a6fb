#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/byte_cursor.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// A function as Go's runtime knows it. Addresses count from the begin of Go's code (runtime.text).
struct GoFunction {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint32_t deltas = 0;     // its stack deltas, for Pclntab::Deltas; 0: none, as for C code
  bool writes_sp = false;  // puts rsp where no table says
  std::string_view name;   // points into the table
};

// How far rsp is below where it was at a function's entry, step by step.
class StackDeltas {
 public:
  struct Step {
    uint64_t begin = 0;  // counted as the function's
    uint64_t end = 0;
    int64_t delta = 0;
  };

  StackDeltas(std::span<const std::byte> bytes, const GoFunction& function)
      : cursor_(bytes), at_(function.begin), end_(function.end) {}

  // In rising order, none empty, within the function. Empty at the table's end, which may be before the function's.
  std::optional<Step> Next();

 private:
  ByteCursor cursor_;
  uint64_t at_;
  uint64_t end_;
  int64_t delta_ = -1;
  bool is_first_ = true;
};

// The table of functions in a program that Go compiled, which also stripped ones keep: Go 1.18 and later. Its bytes are
// not trusted. Immutable; owns its bytes.
class Pclntab {
 public:
  // By section, or, where Go left other marks or there are no section headers, by its magic number in a data segment.
  // Errors: kNotFound (no Go, or an older one), kInvalidArgument, kResourceExhausted over limits.h.
  static absl::StatusOr<Pclntab> Read(const ElfFile& file);

  size_t FunctionCount() const { return count_; }
  // Empty where the table contradicts itself.
  std::optional<GoFunction> FunctionAt(size_t index) const;
  StackDeltas Deltas(const GoFunction& function) const;

  // Where the header says that Go's code begins: an ELF address. Newer linkers leave it 0.
  uint64_t StatedText() const { return stated_text_; }

 private:
  Pclntab() = default;
  absl::Status ReadHeader();
  std::span<const std::byte> From(uint64_t offset) const;

  std::vector<std::byte> bytes_;
  bool has_start_line_ = false;  // Go 1.20
  size_t count_ = 0;
  uint64_t stated_text_ = 0;
  uint64_t names_ = 0;  // offsets in the table
  uint64_t deltas_ = 0;
  uint64_t functions_ = 0;
};

}  // namespace sonde::elf
