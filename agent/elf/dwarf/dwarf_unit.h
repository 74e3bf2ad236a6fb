#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "agent/elf/dwarf/abbreviations.h"
#include "agent/elf/dwarf/constants.h"
#include "agent/elf/dwarf/work_budget.h"

namespace sonde::elf {

class DwarfFile;

// Where a unit of a package (.dwp) has its part of each section; all 0 elsewhere.
struct SplitParts {
  uint64_t abbreviations = 0;
  uint64_t string_offsets = 0;
  uint64_t range_lists = 0;
};

// Where a unit lies in .debug_info: its header's offset, and its size with the header. Sections are below 4 GiB.
struct UnitPlace {
  uint32_t offset = 0;
  uint32_t size = 0;
};

struct UnitHeader {
  UnitFormat format;
  UnitType type = UnitType::kCompile;
  uint64_t abbreviations = 0;
  uint64_t split_id = 0;  // DWARF 5
  uint64_t size = 0;      // of the unit, with its header
  uint64_t bytes = 0;     // of the header
};

// Reads the header at the front of `bytes`; nothing when there is none that we know.
std::optional<UnitHeader> ReadUnitHeader(std::span<const std::byte> bytes);
inline constexpr size_t kMaxUnitHeaderBytes = 40;

// What a unit's first entry says.
struct UnitRoot {
  uint16_t tag = 0;
  bool has_children = false;
  AttributeValue name, folder, split_name, low_pc, high_pc, ranges;
  std::optional<uint64_t> lines;  // offset in .debug_line
  std::optional<uint64_t> string_offsets_base, addresses_base, range_lists_base, gnu_ranges_base;
  uint64_t split_id = 0;
};

// A unit of .debug_info: the entries of one compilation, and how to understand their attributes. Its bytes, and all
// texts, stay as long as the file. Immutable.
class DwarfUnit {
 public:
  // Of a file's unit. `skeleton` is, for a unit out of a .dwo or .dwp file, the unit of the program that stands for it:
  // addresses, and in DWARF 4 ranges, are there. Errors: kInvalidArgument, kResourceExhausted, kUnimplemented.
  static absl::StatusOr<std::shared_ptr<const DwarfUnit>> Open(DwarfFile* file, UnitPlace place,
                                                               const SplitParts& parts,
                                                               std::shared_ptr<const DwarfUnit> skeleton,
                                                               WorkBudget* budget);
  // Only so much of it as tells which addresses it has: no children, and only the first abbreviation where that
  // suffices. Errors as above.
  static absl::StatusOr<std::shared_ptr<const DwarfUnit>> OpenRoot(DwarfFile* file, UnitPlace place,
                                                                   WorkBudget* budget);

  DwarfFile& File() const { return *file_; }
  const UnitHeader& Header() const { return header_; }
  const UnitRoot& Root() const { return root_; }
  const DwarfUnit* Skeleton() const { return skeleton_.get(); }
  const AbbreviationTable& Abbreviations() const { return *abbreviations_; }

  uint64_t Offset() const { return place_.offset; }
  uint64_t End() const { return uint64_t{place_.offset} + place_.size; }
  uint64_t SplitId() const { return header_.split_id != 0 ? header_.split_id : root_.split_id; }
  // What follows the first entry; and all from `offset` in .debug_info on, empty outside of the unit.
  std::span<const std::byte> Children() const { return bytes_.subspan(children_at_); }
  std::span<const std::byte> From(uint64_t offset) const {
    return offset < Offset() || offset >= End() ? std::span<const std::byte>() : bytes_.subspan(offset - Offset());
  }
  uint64_t OffsetOf(const ByteCursor& cursor) const { return Offset() + (cursor.Position() - bytes_.data()); }

  // A name; empty when it has none, or it is in a file that is not at hand.
  std::string_view Text(const AttributeValue& value) const;
  std::optional<uint64_t> Address(const AttributeValue& value) const;
  std::optional<uint64_t> AddressAt(uint64_t index) const;
  // Where a list's number in the table of range lists is, as an offset in .debug_rnglists.
  std::optional<uint64_t> RangeList(uint64_t index) const;

 private:
  DwarfUnit(DwarfFile* file, UnitPlace place, const SplitParts& parts) : file_(file), place_(place), parts_(parts) {}
  absl::Status ReadHeader();
  absl::Status ReadRoot();
  void SetRootAttribute(uint16_t name, const AttributeValue& value);
  std::string_view TextAt(uint64_t index) const;
  // The number of the unit's offset size at a place of a section.
  std::optional<uint64_t> OffsetIn(DebugSection* section, uint64_t at) const;

  DwarfFile* file_;
  UnitPlace place_;
  SplitParts parts_;
  std::shared_ptr<const DwarfUnit> skeleton_;
  UnitHeader header_;
  UnitRoot root_;
  std::shared_ptr<const AbbreviationTable> abbreviations_;
  std::span<const std::byte> bytes_;
  size_t children_at_ = 0;
};

}  // namespace sonde::elf
