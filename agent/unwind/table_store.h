#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "agent/elf/unwind_table.h"
#include "agent/kernel/unwind_maps.h"
#include "agent/unwind/delayed.h"
#include "agent/unwind/range_allocator.h"
#include "agent/unwind/row_blocks.h"
#include "bpf/abi/unwind.h"

namespace sonde::unwind {

// The tables that the kernel side walks by, within a budget: those that walks have not used for the longest make room
// for new ones. Not thread-safe.
class TableStore {
 public:
  struct Statistics {
    size_t tables = 0;
    uint64_t rows = 0;
    uint64_t row_bytes = 0;  // of the arenas, whatever part of them is in use
    uint64_t evictions = 0;
  };

  // `max_row_bytes`: of all arenas together; at least one is made. `maps` must outlive this, and nobody else may write
  // their rows, pages and escapes, nor the files that this was told of.
  TableStore(kernel::UnwindMaps* maps, uint64_t max_row_bytes, std::function<uint64_t()> now_ns);

  // Gives the file its table. kUnavailable: there will be room in Delayed<>::kDelayNs, others were evicted for it.
  // kResourceExhausted: all others are in use. The file is as it was then.
  absl::Status Publish(uint16_t id, const elf::UnwindTable& table);
  // Takes its table away, if it has one, and says why in `state`.
  absl::Status Withdraw(uint16_t id, abi::unwind_file_state state);

  // Looks which tables are in use, evicts in advance when there is little room, and gives back the room that tables
  // have left. Call every second. Returns the evicted files that walks have asked for since.
  absl::StatusOr<std::vector<uint16_t>> Tick();

  Statistics Count() const;

 private:
  struct Range {
    uint32_t first = 0;
    uint32_t count = 0;
  };
  // What one table takes up.
  struct Places {
    Range pages;
    Range escapes;
    std::vector<RowBlocks::Range> rows;  // of each page that has any, in order
  };
  struct Table {
    Places places;
    uint64_t used_ns = 0;  // when it was seen to be in use last
  };

  absl::Status TakePlaces(const elf::UnwindTable& table, Places* places);
  absl::Status TakeRows(const elf::UnwindTable& table, Places* places);
  absl::Status Write(const elf::UnwindTable& table, const Places& places);
  absl::Status WriteRows(const elf::UnwindTable& table, const Places& places);
  void Give(const Places& places);
  void Leave(Places places);
  void GiveDue();
  // Frees, with delay, at least `rows` or as many as idle tables hold. False when they hold none.
  bool Evict(uint64_t rows);
  bool MayGrow() const;
  absl::Status Grow();
  // Gives the last arena back when the others have room for what is in it, which then moves there.
  absl::Status Shrink();
  // Moves its rows from block `end` on to blocks before it. kResourceExhausted when these are too full.
  absl::Status MoveBefore(uint32_t end, uint16_t id, Table* table);
  static bool HasRowsFrom(uint32_t block, const Table& table);

  kernel::UnwindMaps* const maps_;
  const uint64_t max_row_bytes_;
  const std::function<uint64_t()> now_ns_;
  RangeAllocator pages_{UNWIND_PAGES};
  RangeAllocator escapes_{UNWIND_ESCAPES};
  RowBlocks rows_;
  absl::flat_hash_map<uint16_t, Table> tables_;
  absl::flat_hash_map<uint16_t, uint32_t> evicted_;  // with the uses counted until then
  Delayed<Places> leaving_;
  uint64_t leaving_rows_ = 0;
  uint64_t full_at_rows_ = UINT64_MAX;  // taken when Shrink() last found no room
  std::vector<uint32_t> uses_;          // by id, as of the last Tick()
  uint64_t evictions_ = 0;
};

}  // namespace sonde::unwind
