#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/unwind/range_allocator.h"
#include "bpf/abi/unwind.h"

namespace sonde::unwind {

// Room for rows in blocks: ranges that do not cross from one block into the next. Not thread-safe.
class RowBlocks {
 public:
  struct Range {
    uint32_t block = 0;
    uint32_t first = 0;
    uint32_t count = 0;
  };
  static constexpr uint32_t kNoEnd = UINT32_MAX;

  void AddBlocks(uint32_t count);
  // The last ones. REQUIRES: nobody has taken rows in them.
  void RemoveBlocks(uint32_t count);

  // Rows taken from this block on.
  uint64_t TakenRowsFrom(uint32_t block) const;

  // Room for `count` rows in the first block that has it, if that is before `end`.
  // REQUIRES: 0 < count <= UNWIND_BLOCK_ROWS.
  std::optional<Range> Take(uint32_t count, uint32_t end = kNoEnd);
  void Give(const Range& range);

  uint64_t TakenRows() const { return taken_rows_; }
  uint64_t FreeRows() const { return blocks_.size() * uint64_t{UNWIND_BLOCK_ROWS} - taken_rows_; }

 private:
  std::vector<RangeAllocator> blocks_;
  uint32_t first_with_room_ = 0;  // blocks before this are full
  uint64_t taken_rows_ = 0;
};

}  // namespace sonde::unwind
