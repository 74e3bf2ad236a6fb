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
  WorkBudget budget;
  std::vector<AddressRange> ranges;
  for (uint32_t i = 0; i < file->Units().size(); ++i) {
    auto unit = DwarfUnit::OpenRoot(file, file->Units()[i], &budget);
    if (budget.IsSpent()) return absl::ResourceExhaustedError("the units' addresses take too long to read");
    if (!unit.ok()) continue;
    const UnitRoot& root = (*unit)->Root();
    ranges.clear();
    AddRanges(**unit, root.low_pc, root.high_pc, root.ranges, &budget, &ranges);
    if (index.ranges_.size() + ranges.size() > kMaxUnitRanges) {
      return absl::ResourceExhaustedError("the units have too many ranges of addresses");
    }
    for (const AddressRange& range : ranges) index.ranges_.push_back({range.begin, range.end, i, false});
    if ((*unit)->SplitId() != 0) index.split_ids_.insert((*unit)->SplitId());
  }
  std::ranges::sort(index.ranges_, {}, [](const Range& range) { return std::tuple(range.begin, ~range.end, range.unit); });
  uint64_t reached = 0;
  for (Range& range : index.ranges_) {
    range.is_inside = range.begin < reached;
    reached = std::max(reached, range.end);
  }
  index.ranges_.shrink_to_fit();
  return index;
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
