#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "agent/elf/code_map.h"
#include "agent/elf/compile_statistics.h"
#include "agent/elf/unwind_table_builder.h"

namespace sonde::elf {

// Code at file offsets [offset, offset + size) that a source can give rules for; `position` is the source's own.
struct CodeRange {
  uint32_t offset = 0;
  uint32_t size = 0;
  uint32_t position : 29 = 0;
  uint32_t source : 3 = 0;

  static constexpr uint32_t kMaxPosition = (1U << 29) - 1;
  static constexpr uint32_t kMaxSource = 7;

  uint64_t End() const { return uint64_t{offset} + size; }
};

// Of `code`, as a source tells it.
inline CodeRange RangeOf(const CodeMap::Range& code, uint64_t position, uint32_t source) {
  CodeRange range{.offset = static_cast<uint32_t>(code.file_offset)};
  range.size = static_cast<uint32_t>(std::min<uint64_t>(code.size, UINT32_MAX));
  range.position = static_cast<uint32_t>(position) & CodeRange::kMaxPosition;
  range.source = source & CodeRange::kMaxSource;
  return range;
}

// By offset; of those that begin together the one with the lower position first.
void SortRanges(std::vector<CodeRange>* ranges);

// Adds to `ranges` those of `more` that touch none of it, and returns the others' number. REQUIRES: both are sorted.
// The result is sorted.
uint64_t AddUncovered(const std::vector<CodeRange>& more, std::vector<CodeRange>* ranges);

// Between functions, to align the next.
inline constexpr uint64_t kMaxPaddingBytes = 15;

// Puts the rules of ranges, one range after the other, into a table: what an earlier range covers stays, what lies
// between ranges is padding of up to 15 bytes, or goes by the command `between`.
class RangeWriter {
 public:
  RangeWriter(CompileStatistics* statistics, abi::unwind_command between)
      : statistics_(*statistics), between_(between), builder_(statistics) {}

  void Reserve(size_t rows) { builder_.Reserve(rows); }
  bool IsWithinLimits() const { return builder_.IsWithinLimits(); }

  // REQUIRES: ranges are begun in the order of SortRanges. False: the range is covered already, do not Set.
  bool Begin(const CodeRange& range);
  // From this file offset on, until the next or the range's end. REQUIRES: rising, the first at the range's begin. A
  // signal trampoline's rule at the begin of a range is stored for one byte more, in front: its frame is a return
  // address without a call, and return addresses are looked up less one.
  void Set(uint64_t offset, uint16_t rule);

  UnwindTable Finish();

 private:
  CompileStatistics& statistics_;
  const abi::unwind_command between_;
  UnwindTableBuilder builder_;
  uint64_t covered_end_ = 0;  // of all ranges before this one
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
};

// Where rules come from: CFI, or tables of a compiler that does without.
class RuleSource {
 public:
  virtual ~RuleSource() = default;
  // All code that it knows, in any order, each with `source` as given.
  virtual absl::Status AddRanges(uint32_t source, std::vector<CodeRange>* ranges) = 0;
  // Sets the rules of a range that it gave, in the part that begins where the range does.
  virtual void Write(const CodeRange& range, RangeWriter* writer) = 0;
};

}  // namespace sonde::elf
