#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "bpf/abi/unwind.h"

struct bpf_object;

namespace sonde::kernel {

// The maps of bpf/unwind/tables.bpf.h, which walks read while this writes. What is written appears to walks in the
// order of the calls. Errors: kOutOfRange for places that do not exist, kResourceExhausted when a map is full, else the
// kernel's. Each map may be written by a thread of its own, but by one at a time.
class UnwindMaps {
 public:
  static absl::StatusOr<std::unique_ptr<UnwindMaps>> Create();

  // Makes room for UNWIND_BLOCKS_PER_ARENA more blocks. Takes tens of milliseconds: the kernel waits for its programs.
  absl::Status AddArena();
  // Takes the last arena's room away; the kernel frees it once no walk can be in it. REQUIRES: no table has rows there.
  absl::Status DropArena();
  uint32_t Arenas() const { return arena_count_.load(std::memory_order_relaxed); }

  absl::Status WriteRows(uint32_t block, uint32_t first, std::span<const abi::unwind_row> rows);
  absl::Status ReadRows(uint32_t block, uint32_t first, std::span<abi::unwind_row> rows) const;
  absl::Status WritePages(uint32_t first, std::span<const abi::unwind_page> pages);
  absl::Status ReadPages(uint32_t first, std::span<abi::unwind_page> pages) const;
  absl::Status WriteEscapes(uint32_t first, std::span<const abi::unwind_escape> escapes);
  // All but `uses`, which belongs to the kernel side, and `version`, which this raises: walks know by it that rows
  // found before are of another table. No walk sees a mixture of old and new with state READY.
  absl::Status WriteFile(uint32_t id, const abi::unwind_file& file);
  // Has walks go by a copy of the file's pages from now on. REQUIRES: the file is READY, and the copy says the same.
  absl::Status MovePages(uint32_t id, uint32_t first_page);
  // As walks see it. Any thread.
  absl::StatusOr<abi::unwind_file_state> ReadFileState(uint32_t id) const;
  // Of the ids from 0 on, as many as `uses` holds.
  absl::Status ReadFileUses(std::span<uint32_t> uses) const;
  absl::Status WriteMappings(uint32_t first, std::span<const abi::unwind_mapping> mappings);
  absl::Status SetProcess(uint32_t tgid, const abi::unwind_process& process);
  // OK also when there is none.
  absl::Status EraseProcess(uint32_t tgid);

  // Has a BPF object, opened and not loaded yet, use these maps for its own of the same names; which must have the
  // same shapes, else kInternal.
  absl::Status GiveTo(bpf_object* object) const;
  // The descriptor of the map of this name in bpf/unwind/tables.bpf.h; -1 for others. Still owned by this.
  int Fd(std::string_view name) const;

  // Memory of all maps, as the kernel charges it.
  uint64_t Bytes() const;

 private:
  enum MapIndex { kArenas, kPages, kEscapes, kFiles, kMappings, kProcesses, kMaps };

  UnwindMaps() = default;
  absl::Status CheckRows(uint32_t block, uint32_t first, size_t count) const;

  std::array<base::UniqueFd, kMaps> maps_;
  base::UniqueFd spare_arena_;  // shows the shape at first; the first to be used
  std::vector<base::UniqueFd> arenas_;
  std::atomic<uint32_t> arena_count_ = 0;
};

}  // namespace sonde::kernel
