#include "agent/unwind/range_allocator.h"

#include <iterator>

namespace sonde::unwind {

std::optional<uint32_t> RangeAllocator::Take(uint32_t count) {
  if (count > free_count_) return std::nullopt;
  for (auto range = free_.begin(); range != free_.end(); ++range) {
    auto [first, length] = *range;
    if (length < count) continue;
    free_.erase(range);
    if (length > count) free_.emplace(first + count, length - count);
    free_count_ -= count;
    return first;
  }
  return std::nullopt;
}

void RangeAllocator::Give(uint32_t first, uint32_t count) {
  free_count_ += count;
  auto next = free_.lower_bound(first);
  if (next != free_.end() && first + count == next->first) {
    count += next->second;
    next = free_.erase(next);
  }
  if (next != free_.begin()) {
    auto before = std::prev(next);
    if (before->first + before->second == first) {
      before->second += count;
      return;
    }
  }
  free_.emplace_hint(next, first, count);
}

}  // namespace sonde::unwind
