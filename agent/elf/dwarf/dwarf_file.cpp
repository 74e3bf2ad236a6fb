#include "agent/elf/dwarf/dwarf_file.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

uint64_t LowestCodeOf(const ElfFile& file) {
  uint64_t lowest = std::numeric_limits<uint64_t>::max();
  for (const LoadSegment& segment : file.ExecutableSegments()) lowest = std::min(lowest, segment.vaddr);
  return file.ExecutableSegments().empty() ? 0 : std::max<uint64_t>(lowest, 2);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DwarfFile>> DwarfFile::Open(const ElfFile& file, Kind kind) {
  if (!file.SectionStatus().ok()) return file.SectionStatus();
  auto dwarf = std::unique_ptr<DwarfFile>(new DwarfFile());
  auto section = [&](const char* name) {
    return DebugSection(file, kind == Kind::kSplit ? absl::StrCat(name, ".dwo") : std::string(name));
  };
  dwarf->info = section(".debug_info");
  dwarf->abbreviations = section(".debug_abbrev");
  dwarf->strings = section(".debug_str");
  dwarf->line_strings = section(".debug_line_str");
  dwarf->lines = section(".debug_line");
  dwarf->string_offsets = section(".debug_str_offsets");
  dwarf->addresses = section(".debug_addr");
  dwarf->ranges = section(".debug_ranges");
  dwarf->range_lists = section(".debug_rnglists");
  dwarf->address_table = section(".debug_aranges");
  dwarf->lowest_code_ = LowestCodeOf(file);
  if (absl::Status status = dwarf->FindUnits(); !status.ok()) return status;
  return dwarf;
}

absl::Status DwarfFile::FindUnits() {
  if (!info.Status().ok()) return info.Status();
  for (uint64_t offset = 0; offset < info.SizeBytes();) {
    std::array<std::byte, kMaxUnitHeaderBytes> begin;
    std::span<std::byte> bytes(begin.data(), std::min<uint64_t>(begin.size(), info.SizeBytes() - offset));
    if (!info.Peek(offset, bytes)) break;
    auto header = ReadUnitHeader(bytes);
    // What is behind a unit that contradicts itself cannot be found; what is before it is as good as ever.
    if (!header || header->size > info.SizeBytes() - offset) break;
    if (units_.size() >= kMaxUnits) return absl::ResourceExhaustedError("too many units in .debug_info");
    units_.push_back({static_cast<uint32_t>(offset), static_cast<uint32_t>(header->size)});
    offset += header->size;
  }
  if (!info.Status().ok()) return info.Status();
  return units_.empty() ? absl::NotFoundError("there is no debug information") : absl::OkStatus();
}

std::optional<UnitPlace> DwarfFile::PlaceOf(uint64_t info_offset) const {
  auto next = std::ranges::upper_bound(units_, info_offset, {}, [](UnitPlace place) { return uint64_t{place.offset}; });
  if (next == units_.begin()) return std::nullopt;
  UnitPlace place = *--next;
  return info_offset - place.offset < place.size ? std::optional(place) : std::nullopt;
}

absl::StatusOr<std::shared_ptr<const DwarfUnit>> DwarfFile::Unit(UnitPlace place, WorkBudget* budget) {
  if (auto found = kept_.find(place.offset); found != kept_.end()) return found->second;
  auto unit = DwarfUnit::Open(this, place, {}, nullptr, budget);
  if (!unit.ok()) return unit.status();
  kept_bytes_ += sizeof(DwarfUnit);
  kept_[place.offset] = *unit;
  return *unit;
}

absl::StatusOr<std::shared_ptr<const AbbreviationTable>> DwarfFile::Abbreviations(const UnitHeader& header,
                                                                                  uint64_t base, WorkBudget* budget) {
  if (kept_bytes_ > kMaxKeptUnitBytes) {
    kept_.clear();
    kept_tables_.clear();
    kept_bytes_ = 0;
  }
  auto [kept, is_new] = kept_tables_.try_emplace(base + header.abbreviations);
  if (!is_new && kept->second->Format() == header.format) return kept->second;
  auto table =
      AbbreviationTable::Read(&abbreviations, base, header.abbreviations, header.format, /*only_first=*/false, budget);
  if (!table.ok()) {
    kept_tables_.erase(kept);
    return table;
  }
  kept_bytes_ += (*table)->MemoryBytes();
  kept->second = *table;
  return table;
}

size_t DwarfFile::MemoryBytes() const {
  size_t bytes = sizeof(*this) + units_.capacity() * sizeof(UnitPlace) + kept_bytes_;
  for (const DebugSection* section : {&info, &abbreviations, &strings, &line_strings, &lines, &string_offsets,
                                      &addresses, &ranges, &range_lists, &address_table}) {
    bytes += section->MemoryBytes();
  }
  return bytes;
}

}  // namespace sonde::elf
