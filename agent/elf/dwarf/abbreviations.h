#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/elf/dwarf/attribute.h"
#include "agent/elf/dwarf/debug_section.h"
#include "agent/elf/dwarf/work_budget.h"

namespace sonde::elf {

// What entries of one kind look like: their tag and their attributes, which follow the code in this order.
struct Abbreviation {
  uint64_t code = 0;
  uint16_t tag = 0;
  bool has_children = false;
  // How far before the entry's end its 4 bytes of DW_AT_sibling begin; 0: it has none, or nobody knows where.
  uint8_t sibling_before_end = 0;
  uint32_t first_attribute = 0;
  uint32_t attributes = 0;
  uint32_t first_stride = 0;
  uint32_t strides = 0;
};

// The abbreviations that a unit's entries are written with. Immutable.
class AbbreviationTable {
 public:
  struct Attribute {
    uint16_t name = 0;
    uint16_t form = 0;
    uint32_t implicit = 0;  // index of its value, when the form is DW_FORM_implicit_const
  };

  // The table at an offset of .debug_abbrev for units of this format. With `only_first` it ends after the abbreviation
  // with the lowest code, 1, which all producers give to a unit's first entry, when the table begins with that.
  // Errors: kInvalidArgument, kResourceExhausted.
  static absl::StatusOr<std::shared_ptr<const AbbreviationTable>> Read(DebugSection* section, uint64_t base,
                                                                       uint64_t offset, const UnitFormat& format,
                                                                       bool only_first, WorkBudget* budget);

  // Null when there is no such code.
  const Abbreviation* Find(uint64_t code) const {
    if (code - 1 < abbreviations_.size() && abbreviations_[code - 1].code == code) return &abbreviations_[code - 1];
    return FindSorted(code);
  }
  std::span<const Attribute> AttributesOf(const Abbreviation& abbreviation) const {
    return std::span(attributes_).subspan(abbreviation.first_attribute, abbreviation.attributes);
  }
  AttributeValue ReadNext(const Attribute& attribute, ByteCursor* cursor) const {
    return ReadAttribute(attribute.form, format_, attribute.form == kImplicit ? implicits_[attribute.implicit] : 0,
                         cursor);
  }
  // Moves over all attributes of an entry.
  void Skip(const Abbreviation& abbreviation, ByteCursor* cursor) const;

  const UnitFormat& Format() const { return format_; }
  size_t MemoryBytes() const;

 private:
  static constexpr uint16_t kImplicit = 0x21;  // DW_FORM_implicit_const
  // So many bytes, then an attribute of a form whose length only the entry knows; 0: no such attribute.
  struct Stride {
    uint32_t bytes = 0;
    uint16_t form = 0;
  };

  explicit AbbreviationTable(const UnitFormat& format) : format_(format) {}
  bool ReadOne(ByteCursor* cursor);
  void AddStrides(Abbreviation* abbreviation);
  const Abbreviation* FindSorted(uint64_t code) const;

  UnitFormat format_;
  std::vector<Abbreviation> abbreviations_;  // by code
  std::vector<Attribute> attributes_;
  std::vector<Stride> strides_;
  std::vector<int64_t> implicits_;
};

}  // namespace sonde::elf
