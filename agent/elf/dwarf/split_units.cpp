#include "agent/elf/dwarf/split_units.h"

#include <array>
#include <utility>

#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

// Columns of .debug_cu_index: section 7.3.5.3 of DWARF 5, and GNU's version 2 before it.
enum PackageColumn : uint32_t {
  kInfoColumn = 1,
  kAbbreviationsColumn = 3,
  kStringOffsetsColumn = 6,
  kRangeListsColumn = 8,
};
constexpr uint32_t kMaxPackageColumns = 16;

struct PackageHeader {
  uint32_t version = 0;
  uint32_t columns = 0;
  uint32_t units = 0;
  uint32_t slots = 0;
};

uint32_t WordAt(DebugSection* section, uint64_t offset) {
  ByteCursor cursor(section->At(offset, sizeof(uint32_t)));
  return cursor.Read<uint32_t>();
}

}  // namespace

absl::Status SplitUnits::Add(const ElfFile& file, const UnitIndex& index) {
  if (units_.size() >= kMaxSplitUnits) return absl::ResourceExhaustedError("too many split units");
  auto dwarf = DwarfFile::Open(file, DwarfFile::Kind::kSplit);
  if (!dwarf.ok()) return dwarf.status();
  size_t before = units_.size();
  if (file.FindSection(".debug_cu_index") != nullptr)
    AddPackage(file, index, dwarf->get());
  else
    AddUnits(index, dwarf->get());
  if (units_.size() == before) return absl::NotFoundError("none of the split units is one of this program");
  files_.push_back(*std::move(dwarf));
  return absl::OkStatus();
}

void SplitUnits::AddUnits(const UnitIndex& index, DwarfFile* dwarf) {
  WorkBudget budget;
  for (const UnitPlace& place : dwarf->Units()) {
    auto unit = DwarfUnit::OpenRoot(dwarf, place, &budget);
    if (!unit.ok() || !index.IsSplit((*unit)->SplitId())) continue;
    if ((*unit)->Root().tag == kTagCompileUnit) units_.try_emplace((*unit)->SplitId(), Place{dwarf, place, {}});
  }
}

void SplitUnits::AddPackage(const ElfFile& file, const UnitIndex& index, DwarfFile* dwarf) {
  DebugSection table(file, ".debug_cu_index");
  PackageHeader header{WordAt(&table, 0) & 0xFFFF, WordAt(&table, 4), WordAt(&table, 8), WordAt(&table, 12)};
  bool is_known = header.version == 2 || header.version == 5;
  if (!is_known || header.columns > kMaxPackageColumns || header.units > kMaxUnits) return;
  const uint64_t rows_at = 16 + uint64_t{header.slots} * sizeof(uint64_t);
  const uint64_t columns_at = rows_at + uint64_t{header.slots} * sizeof(uint32_t);
  const uint64_t offsets_at = columns_at + header.columns * sizeof(uint32_t);
  if (offsets_at > table.SizeBytes()) return;
  for (uint32_t slot = 0; slot < header.slots && units_.size() < kMaxSplitUnits; ++slot) {
    uint32_t row = WordAt(&table, rows_at + slot * sizeof(uint32_t));
    if (row == 0 || row > header.units) continue;
    ByteCursor cursor(table.At(16 + slot * sizeof(uint64_t), sizeof(uint64_t)));
    const auto id = cursor.Read<uint64_t>();
    if (!index.IsSplit(id)) continue;
    std::array<uint64_t, kMaxPackageColumns> part_of{};
    for (uint32_t column = 0; column < header.columns; ++column) {
      uint32_t section = WordAt(&table, columns_at + column * sizeof(uint32_t));
      uint64_t at = offsets_at + (uint64_t{row - 1} * header.columns + column) * sizeof(uint32_t);
      if (section < part_of.size()) part_of[section] = WordAt(&table, at);
    }
    auto place = dwarf->PlaceOf(part_of[kInfoColumn]);
    if (!place) continue;
    uint64_t range_lists = header.version >= 5 ? part_of[kRangeListsColumn] : 0;  // in 2 it is another section's
    SplitParts parts{part_of[kAbbreviationsColumn], part_of[kStringOffsetsColumn], range_lists};
    units_.try_emplace(id, Place{dwarf, *place, parts});
  }
}

std::shared_ptr<const DwarfUnit> SplitUnits::Find(std::shared_ptr<const DwarfUnit> skeleton, WorkBudget* budget) const {
  auto found = units_.find(skeleton->SplitId());
  if (found == units_.end()) return nullptr;
  const Place& place = found->second;
  auto unit = DwarfUnit::Open(place.file, place.unit, place.parts, std::move(skeleton), budget);
  return unit.ok() ? *std::move(unit) : nullptr;
}

size_t SplitUnits::MemoryBytes() const {
  size_t bytes = units_.capacity() * (sizeof(uint64_t) + sizeof(Place));
  for (const auto& file : files_) bytes += file->MemoryBytes();
  return bytes;
}

}  // namespace sonde::elf
