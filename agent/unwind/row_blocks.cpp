#include "agent/unwind/row_blocks.h"

#include <algorithm>

namespace sonde::unwind {

void RowBlocks::AddBlocks(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) blocks_.emplace_back(UNWIND_BLOCK_ROWS);
}

uint64_t RowBlocks::TakenRowsFrom(uint32_t block) const {
  uint64_t rows = 0;
  for (; block < blocks_.size(); ++block) rows += UNWIND_BLOCK_ROWS - blocks_[block].FreeCount();
  return rows;
}

void RowBlocks::RemoveBlocks(uint32_t count) {
  blocks_.erase(blocks_.end() - count, blocks_.end());
  first_with_room_ = std::min(first_with_room_, static_cast<uint32_t>(blocks_.size()));
}

std::optional<RowBlocks::Range> RowBlocks::Take(uint32_t count, uint32_t end) {
  while (first_with_room_ < blocks_.size() && blocks_[first_with_room_].FreeCount() == 0) ++first_with_room_;
  for (uint32_t block = first_with_room_; block < std::min(end, static_cast<uint32_t>(blocks_.size())); ++block) {
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
