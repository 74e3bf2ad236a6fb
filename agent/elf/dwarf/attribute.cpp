#include "agent/elf/dwarf/attribute.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "agent/elf/dwarf/constants.h"

namespace sonde::elf {
namespace {

using WrittenKind = AttributeValue::Kind;

// How many bytes a form has: 0 to 16, or one of these.
enum FormSize : uint8_t {
  kOffsetSize = 32,  // of the unit's format
  kReferenceSize,    // that of an address in DWARF 2
  kUlebSize,
  kSlebSize,
  kTextSize,
  kBlock1Size,
  kBlock2Size,
  kBlock4Size,
  kBlockSize,
  kUnknownSize,
};

struct FormShape {
  WrittenKind kind = WrittenKind::kOther;
  uint8_t size = kUnknownSize;
};

struct NamedForm {
  uint16_t form;
  FormShape shape;
};

constexpr NamedForm kForms[] = {
    {kFormAddress, {WrittenKind::kAddress, 8}},
    {kFormBlock2, {WrittenKind::kOther, kBlock2Size}},
    {kFormBlock4, {WrittenKind::kOther, kBlock4Size}},
    {kFormData2, {WrittenKind::kNumber, 2}},
    {kFormData4, {WrittenKind::kNumber, 4}},
    {kFormData8, {WrittenKind::kNumber, 8}},
    {kFormString, {WrittenKind::kText, kTextSize}},
    {kFormBlock, {WrittenKind::kOther, kBlockSize}},
    {kFormBlock1, {WrittenKind::kOther, kBlock1Size}},
    {kFormData1, {WrittenKind::kNumber, 1}},
    {kFormFlag, {WrittenKind::kNumber, 1}},
    {kFormSigned, {WrittenKind::kNumber, kSlebSize}},
    {kFormStringOffset, {WrittenKind::kTextOffset, kOffsetSize}},
    {kFormUnsigned, {WrittenKind::kNumber, kUlebSize}},
    {kFormReference, {WrittenKind::kReference, kReferenceSize}},
    {kFormReference1, {WrittenKind::kUnitReference, 1}},
    {kFormReference2, {WrittenKind::kUnitReference, 2}},
    {kFormReference4, {WrittenKind::kUnitReference, 4}},
    {kFormReference8, {WrittenKind::kUnitReference, 8}},
    {kFormReferenceUnsigned, {WrittenKind::kUnitReference, kUlebSize}},
    {kFormSectionOffset, {WrittenKind::kNumber, kOffsetSize}},
    {kFormExpression, {WrittenKind::kOther, kBlockSize}},
    {kFormFlagPresent, {WrittenKind::kNumber, 0}},
    {kFormStringIndex, {WrittenKind::kTextIndex, kUlebSize}},
    {kFormAddressIndex, {WrittenKind::kAddressIndex, kUlebSize}},
    {kFormAlternateReference4, {WrittenKind::kAlternateReference, 4}},
    {kFormAlternateString, {WrittenKind::kAlternateText, kOffsetSize}},
    {kFormData16, {WrittenKind::kOther, 16}},
    {kFormLineString, {WrittenKind::kLineTextOffset, kOffsetSize}},
    {kFormTypeSignature, {WrittenKind::kOther, 8}},
    {kFormImplicit, {WrittenKind::kNumber, 0}},
    {kFormLocationListIndex, {WrittenKind::kOther, kUlebSize}},
    {kFormRangeListIndex, {WrittenKind::kListIndex, kUlebSize}},
    {kFormAlternateReference8, {WrittenKind::kAlternateReference, 8}},
    {kFormStringIndex1, {WrittenKind::kTextIndex, 1}},
    {kFormStringIndex2, {WrittenKind::kTextIndex, 2}},
    {kFormStringIndex3, {WrittenKind::kTextIndex, 3}},
    {kFormStringIndex4, {WrittenKind::kTextIndex, 4}},
    {kFormAddressIndex1, {WrittenKind::kAddressIndex, 1}},
    {kFormAddressIndex2, {WrittenKind::kAddressIndex, 2}},
    {kFormAddressIndex3, {WrittenKind::kAddressIndex, 3}},
    {kFormAddressIndex4, {WrittenKind::kAddressIndex, 4}},
};
constexpr NamedForm kGnuForms[] = {
    {kFormGnuAddressIndex, {WrittenKind::kAddressIndex, kUlebSize}},
    {kFormGnuStringIndex, {WrittenKind::kTextIndex, kUlebSize}},
    {kFormGnuAlternateReference, {WrittenKind::kAlternateReference, kOffsetSize}},
    {kFormGnuAlternateString, {WrittenKind::kAlternateText, kOffsetSize}},
};

constexpr auto kShapeOfForm = [] {
  std::array<FormShape, kFormAddressIndex4 + 1> shapes{};
  for (const NamedForm& one : kForms) shapes[one.form] = one.shape;
  return shapes;
}();

FormShape ShapeOf(uint16_t form, const UnitFormat& format) {
  FormShape shape;
  if (form < kShapeOfForm.size()) {
    shape = kShapeOfForm[form];
  } else if (auto found = std::ranges::find(kGnuForms, form, &NamedForm::form); found != std::end(kGnuForms)) {
    shape = found->shape;
  }
  if (shape.size == kReferenceSize) shape.size = format.version == 2 ? 8 : kOffsetSize;
  if (shape.size == kOffsetSize) shape.size = format.offset_size;
  return shape;
}

uint64_t ReadSized(size_t bytes, ByteCursor* cursor) {
  uint64_t value = 0;
  std::span<const std::byte> taken = cursor->Take(bytes);
  if (!taken.empty()) std::memcpy(&value, taken.data(), std::min(taken.size(), sizeof(value)));
  return value;
}

std::string_view ReadInlineText(ByteCursor* cursor) {
  std::span<const std::byte> rest = cursor->Rest();
  const char* begin = reinterpret_cast<const char*>(rest.data());
  size_t length = rest.empty() ? 0 : strnlen(begin, rest.size());
  cursor->Skip(length + 1);
  return cursor->Ok() ? std::string_view(begin, length) : std::string_view();
}

// Reads all of a form, and gives its number if it is one.
uint64_t ReadNumber(uint8_t size, ByteCursor* cursor) {
  switch (size) {
    case kUlebSize:
      return cursor->Uleb();
    case kSlebSize:
      return static_cast<uint64_t>(cursor->Sleb());
    case kBlock1Size:
      cursor->Skip(cursor->Byte());
      return 0;
    case kBlock2Size:
      cursor->Skip(cursor->Read<uint16_t>());
      return 0;
    case kBlock4Size:
      cursor->Skip(cursor->Read<uint32_t>());
      return 0;
    case kBlockSize:
      cursor->Skip(cursor->Uleb());
      return 0;
    case kTextSize:
      ReadInlineText(cursor);
      return 0;
    case kUnknownSize:
      cursor->Skip(~uint64_t{0});  // fails it
      return 0;
    default:
      return ReadSized(size, cursor);
  }
}

uint16_t RealForm(uint16_t form, ByteCursor* cursor) {
  if (form != kFormIndirect) return form;
  uint64_t real = cursor->Uleb();
  // Neither may stand here; 0 is no form, so the cursor fails.
  return real == kFormIndirect || real == kFormImplicit || real > UINT16_MAX ? 0 : static_cast<uint16_t>(real);
}

}  // namespace

std::optional<uint8_t> FixedBytes(uint16_t form, const UnitFormat& format) {
  uint8_t size = ShapeOf(form, format).size;
  return size <= 16 ? std::optional(size) : std::nullopt;
}

AttributeValue ReadAttribute(uint16_t form, const UnitFormat& format, int64_t implicit, ByteCursor* cursor) {
  form = RealForm(form, cursor);
  FormShape shape = ShapeOf(form, format);
  AttributeValue value{shape.kind, 0, {}};
  if (shape.kind == WrittenKind::kText)
    value.text = ReadInlineText(cursor);
  else
    value.value = ReadNumber(shape.size, cursor);
  if (form == kFormImplicit) value.value = static_cast<uint64_t>(implicit);
  if (form == kFormFlagPresent) value.value = 1;
  return cursor->Ok() ? value : AttributeValue();
}

void SkipAttribute(uint16_t form, const UnitFormat& format, ByteCursor* cursor) {
  ReadNumber(ShapeOf(RealForm(form, cursor), format).size, cursor);
}

}  // namespace sonde::elf
