#include "agent/elf/dwarf/abbreviations.h"

#include <algorithm>

#include "agent/elf/dwarf/constants.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

// Few tables are longer; those are read again, whole.
constexpr uint64_t kFirstAbbreviationBytes = uint64_t{256};
constexpr uint64_t kUsualTableBytes = uint64_t{16} << 10;
constexpr uint16_t kNoForm = 0xFFFF;  // of which nobody knows the length

}  // namespace

absl::StatusOr<std::shared_ptr<const AbbreviationTable>> AbbreviationTable::Read(DebugSection* section, uint64_t base,
                                                                                 uint64_t offset,
                                                                                 const UnitFormat& format,
                                                                                 bool only_first, WorkBudget* budget) {
  if (offset > UINT64_MAX - base) return absl::InvalidArgumentError("abbreviations lie outside of their section");
  uint64_t size = only_first ? kFirstAbbreviationBytes : kUsualTableBytes;
  for (;; size *= 64) {
    std::span<const std::byte> bytes = section->UpTo(base + offset, size);
    if (bytes.empty()) return absl::InvalidArgumentError("abbreviations lie outside of their section");
    auto table = std::shared_ptr<AbbreviationTable>(new AbbreviationTable(format));
    ByteCursor cursor(bytes);
    while (table->ReadOne(&cursor)) {
      if (only_first) break;
      if (table->attributes_.size() + table->abbreviations_.size() > kMaxAbbreviationAttributes || !budget->Take(1)) {
        return absl::ResourceExhaustedError("too many abbreviations");
      }
    }
    if (!budget->Take(table->attributes_.size() + 1)) return absl::ResourceExhaustedError("too many abbreviations");
    if (!cursor.Ok() && bytes.size() == size) continue;
    if (!cursor.Ok()) return absl::InvalidArgumentError("abbreviations are cut off");
    std::ranges::stable_sort(table->abbreviations_, {}, &Abbreviation::code);
    return table;
  }
}

bool AbbreviationTable::ReadOne(ByteCursor* cursor) {
  Abbreviation one;
  one.code = cursor->Uleb();
  if (one.code == 0) return false;
  uint64_t tag = cursor->Uleb();
  one.tag = tag > UINT16_MAX ? 0 : static_cast<uint16_t>(tag);
  one.has_children = cursor->Byte() != 0;
  one.first_attribute = static_cast<uint32_t>(attributes_.size());
  while (cursor->Ok() && attributes_.size() <= kMaxAbbreviationAttributes) {
    uint64_t name = cursor->Uleb();
    uint64_t form = cursor->Uleb();
    Attribute attribute{static_cast<uint16_t>(name > UINT16_MAX ? 0 : name),
                        static_cast<uint16_t>(form == 0 || form > UINT16_MAX ? kNoForm : form), 0};
    if (form == kFormImplicit) {
      attribute.implicit = static_cast<uint32_t>(implicits_.size());
      implicits_.push_back(cursor->Sleb());
    }
    if (name == 0 && form == 0) break;
    attributes_.push_back(attribute);
  }
  if (!cursor->Ok()) return false;
  one.attributes = static_cast<uint32_t>(attributes_.size()) - one.first_attribute;
  AddStrides(&one);
  abbreviations_.push_back(one);
  return true;
}

void AbbreviationTable::AddStrides(Abbreviation* abbreviation) {
  abbreviation->first_stride = static_cast<uint32_t>(strides_.size());
  Stride stride;
  uint32_t after_sibling = 0;
  for (const Attribute& attribute : AttributesOf(*abbreviation)) {
    std::optional<uint8_t> fixed = FixedBytes(attribute.form, format_);
    if (attribute.name == kAtSibling && attribute.form == kFormReference4)
      after_sibling = 4;
    else if (after_sibling != 0)
      after_sibling = fixed ? after_sibling + *fixed : 0;
    stride.bytes += fixed.value_or(0);
    if (fixed) continue;
    stride.form = attribute.form;
    strides_.push_back(std::exchange(stride, {}));
  }
  if (stride.bytes != 0) strides_.push_back(stride);
  abbreviation->strides = static_cast<uint32_t>(strides_.size()) - abbreviation->first_stride;
  abbreviation->sibling_before_end = after_sibling <= UINT8_MAX ? static_cast<uint8_t>(after_sibling) : 0;
}

const Abbreviation* AbbreviationTable::FindSorted(uint64_t code) const {
  auto found = std::ranges::lower_bound(abbreviations_, code, {}, &Abbreviation::code);
  return found != abbreviations_.end() && found->code == code ? &*found : nullptr;
}

void AbbreviationTable::Skip(const Abbreviation& abbreviation, ByteCursor* cursor) const {
  for (uint32_t i = 0; i < abbreviation.strides; ++i) {
    const Stride& stride = strides_[abbreviation.first_stride + i];
    cursor->Skip(stride.bytes);
    if (stride.form != 0) SkipAttribute(stride.form, format_, cursor);
  }
}

size_t AbbreviationTable::MemoryBytes() const {
  return sizeof(*this) + abbreviations_.capacity() * sizeof(Abbreviation) + attributes_.capacity() * sizeof(Attribute) +
         strides_.capacity() * sizeof(Stride) + implicits_.capacity() * sizeof(int64_t);
}

}  // namespace sonde::elf
