#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "agent/kernel/unwind_maps.h"
#include "agent/unwind/delayed.h"
#include "agent/unwind/range_allocator.h"
#include "bpf/abi/unwind.h"

namespace sonde::unwind {

// Lists of mappings in the kernel side's map; equal ones are there once. Not thread-safe.
class MappingSlabs {
 public:
  // `maps` must outlive this, and nobody else may write their mappings.
  explicit MappingSlabs(kernel::UnwindMaps* maps) : maps_(maps), places_(UNWIND_MAPPINGS) {}

  struct Acquired {
    abi::unwind_process slab{};
    bool is_new = false;
  };
  // Where this list is, now that it is there; held until Release(). kResourceExhausted when the map is full.
  absl::StatusOr<Acquired> Acquire(std::vector<abi::unwind_mapping> list, uint64_t now_ns);
  // Returns the list when nobody else holds it. It stays in the map for a while, for walks that are under way.
  std::vector<abi::unwind_mapping> Release(const abi::unwind_process& slab, uint64_t now_ns);

  size_t Size() const { return slabs_.size(); }
  size_t Mappings() const { return held_mappings_; }

 private:
  struct Slab {
    std::vector<abi::unwind_mapping> list;
    uint64_t hash = 0;
    uint32_t holders = 0;
  };

  // The slab of equal content; its first mapping's place, or UNWIND_MAPPINGS.
  uint32_t FindEqual(uint64_t hash, std::span<const abi::unwind_mapping> list) const;

  kernel::UnwindMaps* const maps_;
  RangeAllocator places_;
  size_t held_mappings_ = 0;
  absl::flat_hash_map<uint32_t, Slab> slabs_;  // by place
  absl::flat_hash_map<uint64_t, std::vector<uint32_t>> by_hash_;
  Delayed<abi::unwind_process> leaving_;
};

}  // namespace sonde::unwind
