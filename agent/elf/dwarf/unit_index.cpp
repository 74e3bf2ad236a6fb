#include "agent/elf/dwarf/unit_index.h"

#include <algorithm>
#include <tuple>

#include "agent/elf/dwarf/range_list.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

// How many ranges before an address are asked whether they reach over it.
constexpr int kMaxUnitNesting = 64;

}  // namespace

absl::StatusOr<UnitIndex> UnitIndex::Read(DwarfFile* file) {
  UnitIndex index;
  std::vector<bool> has_ranges(file->Units().size());
  if (absl::Status status = index.AddUnits(file, &has_ranges); !status.ok()) return status;
  if (absl::Status status = index.AddAddressTable(file, has_ranges); !status.ok()) return status;
  index.Sort();
  return index;
}

absl::Status UnitIndex::Add(uint64_t begin, uint64_t end, uint32_t unit) {
  if (ranges_.size() >= kMaxUnitRanges) {
    return absl::ResourceExhaustedError("the units have too many ranges of addresses");
  }
  ranges_.push_back({begin, end, unit, false});
  return absl::OkStatus();
}

absl::Status UnitIndex::AddUnits(DwarfFile* file, std::vector<bool>* has_ranges) {
  WorkBudget budget;
  std::vector<AddressRange> ranges;
  for (uint32_t i = 0; i < file->Units().size(); ++i) {
    auto unit = DwarfUnit::OpenRoot(file, file->Units()[i], &budget);
    if (budget.IsSpent()) return absl::ResourceExhaustedError("the units' addresses take too long to read");
    if (!unit.ok()) continue;
    const UnitRoot& root = (*unit)->Root();
    ranges.clear();
    AddRanges(**unit, root.low_pc, root.high_pc, root.ranges, &budget, &ranges);
    // Those of DWARF 2 say it of one section only.
    (*has_ranges)[i] = !ranges.empty() && (*unit)->Header().format.version > 2;
    for (const AddressRange& range : ranges) {
      if (absl::Status status = Add(range.begin, range.end, i); !status.ok()) return status;
    }
    if ((*unit)->SplitId() != 0) split_ids_.insert((*unit)->SplitId());
  }
  return absl::OkStatus();
}

// Section 6.1.2 of DWARF 5. A set that is not understood ends the reading.
absl::Status UnitIndex::AddAddressTable(DwarfFile* file, const std::vector<bool>& has_ranges) {
  if (std::ranges::find(has_ranges, false) == has_ranges.end()) return absl::OkStatus();
  constexpr uint64_t kHeaderBytes = 16;
  constexpr uint64_t kEntryBytes = 2 * sizeof(uint64_t);
  for (uint64_t offset = 0; offset < file->address_table.SizeBytes();) {
    ByteCursor cursor(file->address_table.At(offset, kHeaderBytes));
    uint64_t length = cursor.Read<uint32_t>();
    uint16_t version = cursor.Read<uint16_t>();
    uint32_t unit_offset = cursor.Read<uint32_t>();
    if (!cursor.Ok() || length >= 0xFFFFFFF0 || version != 2 || cursor.Byte() != sizeof(uint64_t)) break;
    uint64_t end = offset + sizeof(uint32_t) + length;
    auto unit = std::ranges::lower_bound(file->Units(), unit_offset, {}, &UnitPlace::offset);
    bool is_unit = unit != file->Units().end() && unit->offset == unit_offset;
    bool is_wanted = is_unit && !has_ranges[unit - file->Units().begin()];
    std::span<const std::byte> entries;
    if (is_wanted && end > offset + kHeaderBytes) {
      entries = file->address_table.At(offset + kHeaderBytes, end - offset - kHeaderBytes);
    }
    for (ByteCursor entry(entries); entry.Remaining() >= kEntryBytes;) {
      uint64_t begin = entry.Read<uint64_t>();
      uint64_t size = entry.Read<uint64_t>();
      if (size == 0 || begin + size < begin || !file->MayBeCode(begin)) continue;
      absl::Status status = Add(begin, begin + size, static_cast<uint32_t>(unit - file->Units().begin()));
      if (!status.ok()) return status;
    }
    offset = end;
  }
  return absl::OkStatus();
}

void UnitIndex::Sort() {
  std::ranges::sort(ranges_, {}, [](const Range& range) { return std::tuple(range.begin, ~range.end, range.unit); });
  uint64_t reached = 0;
  for (Range& range : ranges_) {
    range.is_inside = range.begin < reached;
    reached = std::max(reached, range.end);
  }
  ranges_.shrink_to_fit();
}

std::optional<uint32_t> UnitIndex::UnitOf(uint64_t vaddr) const {
  auto next = std::ranges::upper_bound(ranges_, vaddr, {}, &Range::begin);
  for (int tries = 0; next != ranges_.begin() && tries < kMaxUnitNesting; ++tries) {
    const Range& range = *--next;
    if (vaddr < range.end) return range.unit;
    if (!range.is_inside) break;
  }
  return std::nullopt;
}

}  // namespace sonde::elf
