#include "agent/elf/dwarf/range_list.h"

#include <algorithm>

#include "agent/elf/dwarf/dwarf_file.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kListWindowBytes = uint64_t{4} << 10;

// The numbers of .debug_rnglists: section 7.25 of DWARF 5.
enum RangeListEntry : uint8_t {
  kEndOfList = 0,
  kBaseAddressIndex = 1,
  kStartIndexEndIndex = 2,
  kStartIndexLength = 3,
  kOffsetPair = 4,
  kBaseAddress = 5,
  kStartEnd = 6,
  kStartLength = 7,
};

// Reads one list, whose length nobody states.
class RangeListReader {
 public:
  RangeListReader(const DwarfUnit& unit, uint64_t base, WorkBudget* budget, std::vector<AddressRange>* out)
      : unit_(unit),
        file_(unit.Skeleton() != nullptr ? unit.Skeleton()->File() : unit.File()),
        base_(base),
        budget_(*budget),
        out_(*out) {}

  // A list of DWARF 5 at `offset` in `section`, or of those before.
  bool Read(DebugSection* section, uint64_t offset, bool is_pairs) {
    for (uint64_t size = kListWindowBytes;; size *= 16) {
      const size_t before = out_.size();
      ByteCursor cursor(section->UpTo(offset, size));
      const uint64_t base = base_;
      bool is_cut = cursor.Remaining() == size;
      while (is_pairs ? ReadPair(&cursor) : ReadEntry(&cursor)) {
        if (!budget_.Take(1) || out_.size() > kMaxUnitRanges) return false;
      }
      if (cursor.Ok() || !is_cut) return cursor.Ok();
      out_.resize(before);
      base_ = base;
    }
  }

  void Add(uint64_t begin, uint64_t end) {
    if (begin < end && file_.MayBeCode(begin)) out_.push_back({begin, end});
  }

 private:
  // Each of them: whether the list goes on.
  bool ReadPair(ByteCursor* cursor) {
    uint64_t begin = cursor->Read<uint64_t>();
    uint64_t end = cursor->Read<uint64_t>();
    if (!cursor->Ok() || (begin == 0 && end == 0)) return false;
    if (begin == ~uint64_t{0})
      base_ = end;
    else
      Add(base_ + begin, base_ + end);
    return true;
  }

  bool ReadEntry(ByteCursor* cursor) {
    switch (cursor->Byte()) {
      case kBaseAddressIndex:
        base_ = unit_.AddressAt(cursor->Uleb()).value_or(0);
        return cursor->Ok();
      case kStartIndexEndIndex: {
        auto begin = unit_.AddressAt(cursor->Uleb());
        auto end = unit_.AddressAt(cursor->Uleb());
        if (cursor->Ok() && begin && end) Add(*begin, *end);
        return cursor->Ok();
      }
      case kStartIndexLength: {
        auto begin = unit_.AddressAt(cursor->Uleb());
        uint64_t length = cursor->Uleb();
        if (cursor->Ok() && begin) Add(*begin, *begin + length);
        return cursor->Ok();
      }
      case kOffsetPair: {
        uint64_t begin = cursor->Uleb();
        uint64_t end = cursor->Uleb();
        // Of a function that was thrown away all offsets count from a base that is no code.
        if (cursor->Ok() && file_.MayBeCode(base_)) Add(base_ + begin, base_ + end);
        return cursor->Ok();
      }
      case kBaseAddress:
        base_ = cursor->Read<uint64_t>();
        return cursor->Ok();
      case kStartEnd: {
        uint64_t begin = cursor->Read<uint64_t>();
        uint64_t end = cursor->Read<uint64_t>();
        if (cursor->Ok()) Add(begin, end);
        return cursor->Ok();
      }
      case kStartLength: {
        uint64_t begin = cursor->Read<uint64_t>();
        uint64_t length = cursor->Uleb();
        if (cursor->Ok()) Add(begin, begin + length);
        return cursor->Ok();
      }
      case kEndOfList:
        return false;
      default:
        cursor->Skip(~uint64_t{0});  // fails it
        return false;
    }
  }

  const DwarfUnit& unit_;
  const DwarfFile& file_;
  uint64_t base_;
  WorkBudget& budget_;
  std::vector<AddressRange>& out_;
};

const DwarfUnit& UnitOfCode(const DwarfUnit& unit) { return unit.Skeleton() != nullptr ? *unit.Skeleton() : unit; }

bool ReadList(const DwarfUnit& unit, const AttributeValue& ranges, RangeListReader* reader) {
  if (unit.Header().format.version < 5) {
    // Split units have none of their own: theirs count from a place in the program's.
    const DwarfUnit& owner = UnitOfCode(unit);
    bool is_split = &owner != &unit;
    uint64_t offset = ranges.value + (is_split ? owner.Root().gnu_ranges_base.value_or(0) : 0);
    return reader->Read(&owner.File().ranges, offset, /*is_pairs=*/true);
  }
  bool is_index = ranges.kind == AttributeValue::Kind::kListIndex;
  auto offset = is_index ? unit.RangeList(ranges.value) : std::optional(ranges.value);
  return offset && reader->Read(&unit.File().range_lists, *offset, /*is_pairs=*/false);
}

}  // namespace

bool AddRanges(const DwarfUnit& unit, const AttributeValue& low_pc, const AttributeValue& high_pc,
               const AttributeValue& ranges, WorkBudget* budget, std::vector<AddressRange>* out) {
  if (ranges.IsSet()) {
    const DwarfUnit& owner = UnitOfCode(unit);
    RangeListReader reader(unit, owner.Address(owner.Root().low_pc).value_or(0), budget, out);
    return ReadList(unit, ranges, &reader);
  }
  if (!low_pc.IsSet() || !high_pc.IsSet()) return true;
  auto begin = unit.Address(low_pc);
  if (!begin) return false;
  bool is_length = high_pc.kind == AttributeValue::Kind::kNumber;
  auto end = is_length ? std::optional(*begin + high_pc.value) : unit.Address(high_pc);
  if (!end) return false;
  RangeListReader(unit, 0, budget, out).Add(*begin, *end);
  return true;
}

}  // namespace sonde::elf
