#include "agent/unwind/row_blocks.h"

#include <algorithm>

namespace sonde::unwind {

void RowBlocks::AddBlocks(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) blocks_.emplace_back(UNWIND_BLOCK_ROWS);
}

std::optional<RowBlocks::Range> RowBlocks::Take(uint32_t count) {
  while (first_with_room_ < blocks_.size() && blocks_[first_with_room_].FreeCount() == 0) ++first_with_room_;
  for (uint32_t block = first_with_room_; block < blocks_.size(); ++block) {
    std::optional<uint32_t> first = blocks_[block].Take(count);
    if (!first) continue;
    taken_rows_ += count;
    return Range{block, *first, count};
  }
  return std::nullopt;
}

void RowBlocks::Give(const Range& range) {
  blocks_[range.block].Give(range.first, range.count);
  first_with_room_ = std::min(first_with_room_, range.block);
  taken_rows_ -= range.count;
}

}  // namespace sonde::unwind
