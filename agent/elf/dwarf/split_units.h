#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "agent/elf/dwarf/dwarf_file.h"
#include "agent/elf/dwarf/unit_index.h"

namespace sonde::elf {

// Units of split DWARF: from .dwo files, one each, and from packages (.dwp), by id.
class SplitUnits {
 public:
  // Takes over the units of `file` that `index` waits for. Errors: kNotFound (none), kInvalidArgument,
  // kResourceExhausted.
  absl::Status Add(const ElfFile& file, const UnitIndex& index);

  // The one that `skeleton` stands for; null when nobody has brought it.
  std::shared_ptr<const DwarfUnit> Find(std::shared_ptr<const DwarfUnit> skeleton, WorkBudget* budget) const;

  size_t MemoryBytes() const;

 private:
  struct Place {
    DwarfFile* file = nullptr;
    UnitPlace unit;
    SplitParts parts;
  };

  void AddPackage(const ElfFile& file, const UnitIndex& index, DwarfFile* dwarf);
  void AddUnits(const UnitIndex& index, DwarfFile* dwarf);

  std::vector<std::unique_ptr<DwarfFile>> files_;
  absl::flat_hash_map<uint64_t, Place> units_;
};

}  // namespace sonde::elf
