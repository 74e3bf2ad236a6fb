#include "agent/elf/dwarf/dwarf_unit.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/elf/dwarf/dwarf_file.h"

namespace sonde::elf {
namespace {

// In which nearly all first entries end; the others' units are read whole.
constexpr size_t kUsualRootBytes = 512;

absl::Status UnsoundUnit(UnitPlace place, const char* what) {
  return absl::InvalidArgumentError(absl::StrCat("the unit at ", place.offset, " of .debug_info ", what));
}

}  // namespace

std::optional<UnitHeader> ReadUnitHeader(std::span<const std::byte> bytes) {
  constexpr uint32_t kLongFormat = 0xFFFFFFFF;
  constexpr uint32_t kReserved = 0xFFFFFFF0;
  ByteCursor cursor(bytes);
  UnitHeader header;
  uint64_t length = cursor.Read<uint32_t>();
  if (length >= kReserved && length != kLongFormat) return std::nullopt;
  header.format.offset_size = length == kLongFormat ? 8 : 4;
  if (length == kLongFormat) length = cursor.Read<uint64_t>();
  if (length > UINT32_MAX) return std::nullopt;
  header.size = length + static_cast<uint64_t>(cursor.Position() - bytes.data());
  uint16_t version = cursor.Read<uint16_t>();
  auto read_offset = [&] { return header.format.offset_size == 8 ? cursor.Read<uint64_t>() : cursor.Read<uint32_t>(); };
  uint8_t address_size = 0;
  if (version >= 5) {
    header.type = static_cast<UnitType>(cursor.Byte());
    address_size = cursor.Byte();
    header.abbreviations = read_offset();
    bool has_id = header.type == UnitType::kSkeleton || header.type == UnitType::kSplitCompile;
    if (has_id) header.split_id = cursor.Read<uint64_t>();
  } else {
    header.abbreviations = read_offset();
    address_size = cursor.Byte();
  }
  header.bytes = static_cast<uint64_t>(cursor.Position() - bytes.data());
  bool is_known = cursor.Ok() && version >= 2 && version <= 5 && address_size == 8;
  // Its size is still good to find the next one.
  header.format.version = is_known ? static_cast<uint8_t>(version) : 0;
  return header;
}

absl::StatusOr<std::shared_ptr<const DwarfUnit>> DwarfUnit::Open(DwarfFile* file, UnitPlace place,
                                                                 const SplitParts& parts,
                                                                 std::shared_ptr<const DwarfUnit> skeleton,
                                                                 WorkBudget* budget) {
  auto unit = std::shared_ptr<DwarfUnit>(new DwarfUnit(file, place, parts));
  unit->skeleton_ = std::move(skeleton);
  unit->bytes_ = file->info.At(place.offset, place.size);
  if (unit->bytes_.empty()) return UnsoundUnit(place, "cannot be read");
  if (absl::Status status = unit->ReadHeader(); !status.ok()) return status;
  auto table = file->Abbreviations(unit->header_, parts.abbreviations, budget);
  if (!table.ok()) return table.status();
  unit->abbreviations_ = *std::move(table);
  if (absl::Status status = unit->ReadRoot(); !status.ok()) return status;
  return unit;
}

absl::StatusOr<std::shared_ptr<const DwarfUnit>> DwarfUnit::OpenRoot(DwarfFile* file, UnitPlace place,
                                                                     WorkBudget* budget) {
  std::array<std::byte, kUsualRootBytes> begin;
  auto unit = std::shared_ptr<DwarfUnit>(new DwarfUnit(file, place, {}));
  std::span<std::byte> bytes(begin.data(), std::min<size_t>(begin.size(), place.size));
  if (!file->info.Peek(place.offset, bytes)) return UnsoundUnit(place, "cannot be read");
  unit->bytes_ = bytes;
  if (absl::Status status = unit->ReadHeader(); !status.ok()) return status;
  auto table = AbbreviationTable::Read(&file->abbreviations, 0, unit->header_.abbreviations, unit->header_.format,
                                       /*only_first=*/true, budget);
  if (!table.ok()) return table.status();
  unit->abbreviations_ = *std::move(table);
  // Texts within the bytes would point to what ends here.
  bool has_own_texts = unit->ReadRoot().ok() && unit->root_.split_name.kind == AttributeValue::Kind::kText;
  if (unit->root_.tag == 0 || has_own_texts) return Open(file, place, {}, nullptr, budget);
  unit->bytes_ = {};
  unit->children_at_ = 0;
  unit->root_.name = unit->root_.folder = {};
  return unit;
}

absl::Status DwarfUnit::ReadHeader() {
  auto header = ReadUnitHeader(bytes_);
  if (!header || header->format.version == 0) return UnsoundUnit(place_, "is of a version or kind that is not known");
  header_ = *header;
  if (header_.bytes > bytes_.size()) return UnsoundUnit(place_, "is cut off");
  return absl::OkStatus();
}

absl::Status DwarfUnit::ReadRoot() {
  ByteCursor cursor(bytes_.subspan(header_.bytes));
  const Abbreviation* abbreviation = abbreviations_->Find(cursor.Uleb());
  if (abbreviation == nullptr) return UnsoundUnit(place_, "begins with an entry of no known shape");
  for (const AbbreviationTable::Attribute& attribute : abbreviations_->AttributesOf(*abbreviation)) {
    SetRootAttribute(attribute.name, abbreviations_->ReadNext(attribute, &cursor));
  }
  if (!cursor.Ok()) return UnsoundUnit(place_, "is shorter than its first entry");
  root_.tag = abbreviation->tag;
  root_.has_children = abbreviation->has_children;
  children_at_ = static_cast<size_t>(cursor.Position() - bytes_.data());
  return absl::OkStatus();
}

void DwarfUnit::SetRootAttribute(uint16_t name, const AttributeValue& value) {
  if (!value.IsSet()) return;
  switch (name) {
    case kAtName:
      root_.name = value;
      break;
    case kAtCompileFolder:
      root_.folder = value;
      break;
    case kAtSplitName:
    case kAtGnuSplitName:
      root_.split_name = value;
      break;
    case kAtLowPc:
      root_.low_pc = value;
      break;
    case kAtHighPc:
      root_.high_pc = value;
      break;
    case kAtRanges:
      root_.ranges = value;
      break;
    case kAtStatementList:
      root_.lines = value.value;
      break;
    case kAtStringOffsetsBase:
      root_.string_offsets_base = value.value;
      break;
    case kAtAddressBase:
    case kAtGnuAddressBase:
      root_.addresses_base = value.value;
      break;
    case kAtRangeListsBase:
      root_.range_lists_base = value.value;
      break;
    case kAtGnuRangesBase:
      root_.gnu_ranges_base = value.value;
      break;
    case kAtGnuSplitId:
      root_.split_id = value.value;
      break;
    default:
      break;
  }
}

std::string_view DwarfUnit::Text(const AttributeValue& value) const {
  using Kind = AttributeValue::Kind;
  switch (value.kind) {
    case Kind::kText:
      return value.text.substr(0, kMaxNameBytes);
    case Kind::kTextOffset:
      return file_->strings.Text(value.value);
    case Kind::kLineTextOffset:
      return file_->line_strings.Text(value.value);
    case Kind::kTextIndex:
      return TextAt(value.value);
    case Kind::kAlternateText:
      return file_->alternate != nullptr ? file_->alternate->strings.Text(value.value) : std::string_view();
    default:
      return {};
  }
}

std::optional<uint64_t> DwarfUnit::OffsetIn(DebugSection* section, uint64_t at) const {
  ByteCursor cursor(section->At(at, header_.format.offset_size));
  uint64_t offset = header_.format.offset_size == 8 ? cursor.Read<uint64_t>() : cursor.Read<uint32_t>();
  return cursor.Ok() ? std::optional(offset) : std::nullopt;
}

std::string_view DwarfUnit::TextAt(uint64_t index) const {
  // The section's header, which a split unit does not tell us to skip: length, version, padding.
  uint64_t usual_base = header_.format.version < 5 ? 0 : header_.format.offset_size == 8 ? 16 : 8;
  if (index > UINT32_MAX) return {};
  uint64_t base = parts_.string_offsets + root_.string_offsets_base.value_or(usual_base);
  auto offset = OffsetIn(&file_->string_offsets, base + index * header_.format.offset_size);
  return offset ? file_->strings.Text(*offset) : std::string_view();
}

std::optional<uint64_t> DwarfUnit::Address(const AttributeValue& value) const {
  if (value.kind == AttributeValue::Kind::kAddress) return value.value;
  if (value.kind == AttributeValue::Kind::kAddressIndex) return AddressAt(value.value);
  return std::nullopt;
}

std::optional<uint64_t> DwarfUnit::AddressAt(uint64_t index) const {
  const DwarfUnit& owner = skeleton_ != nullptr ? *skeleton_ : *this;
  if (index > UINT32_MAX) return std::nullopt;
  ByteCursor cursor(
      owner.file_->addresses.At(owner.root_.addresses_base.value_or(0) + index * sizeof(uint64_t), sizeof(uint64_t)));
  uint64_t address = cursor.Read<uint64_t>();
  return cursor.Ok() ? std::optional(address) : std::nullopt;
}

std::optional<uint64_t> DwarfUnit::RangeList(uint64_t index) const {
  // As above: length, version, sizes of addresses and selectors, count of offsets.
  uint64_t usual_base = header_.format.offset_size == 8 ? 20 : 12;
  if (index > UINT32_MAX) return std::nullopt;
  uint64_t base = parts_.range_lists + root_.range_lists_base.value_or(usual_base);
  auto offset = OffsetIn(&file_->range_lists, base + index * header_.format.offset_size);
  return offset ? std::optional(base + *offset) : std::nullopt;
}

}  // namespace sonde::elf
