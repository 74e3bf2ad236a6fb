#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace sonde::unwind {

// Gives out ranges of the numbers [0, size), the lowest that fits first, and joins what comes back. Not thread-safe.
class RangeAllocator {
 public:
  explicit RangeAllocator(uint32_t size) : free_{{0, size}}, free_count_(size) {}

  // The first number of `count` that belong to the caller now; empty when there are not as many in a row.
  // REQUIRES: count > 0.
  std::optional<uint32_t> Take(uint32_t count);
  // Gives back a range that Take() gave out, or a part of it.
  void Give(uint32_t first, uint32_t count);

  uint32_t FreeCount() const { return free_count_; }

 private:
  std::map<uint32_t, uint32_t> free_;  // first number to count
  uint32_t free_count_;
};

}  // namespace sonde::unwind
