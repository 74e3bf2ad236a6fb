#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/elf/dwarf/debug_section.h"
#include "agent/elf/dwarf/dwarf_unit.h"
#include "agent/elf/elf_file.h"

namespace sonde::elf {

// The debug sections of one file, and its units, which are opened when they are needed and kept up to a limit.
class DwarfFile {
 public:
  enum class Kind : uint8_t { kProgram, kSplit };  // .debug_info, or .debug_info.dwo and so on
  // kNotFound when the file has no units. Other errors: kInvalidArgument, kResourceExhausted.
  static absl::StatusOr<std::unique_ptr<DwarfFile>> Open(const ElfFile& file, Kind kind);

  DwarfFile(const DwarfFile&) = delete;
  DwarfFile& operator=(const DwarfFile&) = delete;

  const std::vector<UnitPlace>& Units() const { return units_; }
  // The one that holds this offset of .debug_info.
  std::optional<UnitPlace> PlaceOf(uint64_t info_offset) const;

  absl::StatusOr<std::shared_ptr<const DwarfUnit>> Unit(UnitPlace place, WorkBudget* budget);
  // A unit's table; `base` is where its package's part begins.
  absl::StatusOr<std::shared_ptr<const AbbreviationTable>> Abbreviations(const UnitHeader& header, uint64_t base,
                                                                         WorkBudget* budget);
  // Whether code may lie there: what linkers threw away is still described, at addresses near 0.
  bool MayBeCode(uint64_t vaddr) const { return vaddr >= lowest_code_ && vaddr < kTombstones; }

  size_t MemoryBytes() const;

  DebugSection info, abbreviations, strings, line_strings, lines, string_offsets, addresses, ranges, range_lists,
      address_table;
  DwarfFile* alternate = nullptr;  // what .gnu_debugaltlink names

 private:
  static constexpr uint64_t kTombstones = ~uint64_t{0} - 1;

  DwarfFile() = default;
  absl::Status FindUnits();

  std::vector<UnitPlace> units_;
  uint64_t lowest_code_ = 0;
  absl::flat_hash_map<uint32_t, std::shared_ptr<const DwarfUnit>> kept_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<const AbbreviationTable>> kept_tables_;
  size_t kept_bytes_ = 0;
};

}  // namespace sonde::elf
