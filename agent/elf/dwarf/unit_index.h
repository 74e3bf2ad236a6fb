#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "agent/elf/dwarf/dwarf_file.h"

namespace sonde::elf {

// Which unit has the code at an address, by what the units' first entries say; for units that say nothing, as those of
// DWARF 2, by .debug_aranges, which not all compilers write. Immutable.
class UnitIndex {
 public:
  // Units that are broken have no addresses. Errors: kResourceExhausted.
  static absl::StatusOr<UnitIndex> Read(DwarfFile* file);

  // Index in the file's Units(): of several, the one whose range begins last.
  std::optional<uint32_t> UnitOf(uint64_t vaddr) const;
  // Of a unit whose entries are in a .dwo file.
  bool IsSplit(uint64_t id) const { return split_ids_.contains(id); }

  size_t MemoryBytes() const { return ranges_.capacity() * sizeof(Range) + split_ids_.capacity() * sizeof(uint64_t); }

 private:
  struct Range {
    uint64_t begin = 0;
    uint64_t end = 0;
    uint32_t unit = 0;
    bool is_inside = false;  // begins before the end of one before it
  };

  absl::Status AddUnits(DwarfFile* file, std::vector<bool>* has_ranges);
  absl::Status AddAddressTable(DwarfFile* file, const std::vector<bool>& has_ranges);
  absl::Status Add(uint64_t begin, uint64_t end, uint32_t unit);
  void Sort();

  std::vector<Range> ranges_;  // by begin
  absl::flat_hash_set<uint64_t> split_ids_;
};

}  // namespace sonde::elf
