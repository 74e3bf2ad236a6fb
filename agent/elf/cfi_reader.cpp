#include "agent/elf/cfi_reader.h"

#include <string_view>

#include "agent/elf/byte_cursor.h"
#include "agent/elf/limits.h"
#include "agent/elf/pointer_encoding.h"

namespace sonde::elf {
namespace {

constexpr uint32_t kLengthIs64Bit = 0xFFFFFFFF;

// Empty without a terminator within the cap.
std::optional<std::string_view> ReadAugmentation(ByteCursor* cursor) {
  std::string_view rest(reinterpret_cast<const char*>(cursor->Position()), cursor->Remaining());
  size_t length = rest.substr(0, kMaxAugmentationBytes + 1).find('\0');
  if (length == std::string_view::npos) return std::nullopt;
  cursor->Skip(length + 1);
  return rest.substr(0, length);
}

// The bytes that the letters after 'z' stand for. Unknown letters end it: the length of all of them is known.
bool ReadAugmentationBytes(std::string_view letters, ByteCursor cursor, Cie* cie) {
  for (char letter : letters) {
    switch (letter) {
      case 'L':
        cursor.Skip(1);
        break;
      case 'P': {
        uint8_t encoding = cursor.Byte();
        if (encoding != kPointerOmitted && !ReadEncodedNumber(encoding, &cursor)) return false;
        break;
      }
      case 'R':
        cie->address_encoding = cursor.Byte();
        break;
      case 'S':
        cie->is_signal_frame = true;
        break;
      case 'B':
        break;
      default:
        return cursor.Ok();
    }
  }
  return cursor.Ok();
}

// Version 4 of .debug_frame says how wide addresses are.
bool HasPlainAddresses(uint8_t version, ByteCursor* cursor) {
  if (version != 4) return version == 1 || version == 3;
  uint8_t address_bytes = cursor->Byte();
  uint8_t segment_bytes = cursor->Byte();
  return address_bytes == 8 && segment_bytes == 0;
}

}  // namespace

std::span<const std::byte> CfiReader::Bytes(uint64_t begin, uint64_t end) const {
  return std::span(section_.bytes).subspan(begin, end - begin);
}

std::optional<CfiReader::Record> CfiReader::RecordAt(uint64_t position) const {
  if (position >= section_.bytes.size()) return std::nullopt;
  ByteCursor cursor(Bytes(position, section_.bytes.size()));
  uint64_t length = cursor.Read<uint32_t>();
  bool is_64_bit = length == kLengthIs64Bit;
  if (is_64_bit) length = cursor.Read<uint64_t>();
  uint64_t id_position = section_.bytes.size() - cursor.Remaining();
  if (!cursor.Ok() || length > cursor.Remaining()) return std::nullopt;
  Record record{static_cast<uint32_t>(position), static_cast<uint32_t>(id_position + length)};
  if (length == 0) return record;
  ByteCursor body(Bytes(id_position, record.end));
  uint64_t id = is_64_bit ? body.Read<uint64_t>() : body.Read<uint32_t>();
  if (!body.Ok()) return std::nullopt;
  record.body = static_cast<uint32_t>(record.end - body.Remaining());
  if (section_.is_debug_frame) {
    record.is_cie = id == (is_64_bit ? ~uint64_t{0} : uint64_t{kLengthIs64Bit});
    record.cie_position = id;
  } else {
    record.is_cie = id == 0;
    record.cie_position = id_position - id;  // wraps to what no record has
  }
  return record;
}

std::optional<Fde> CfiReader::Next() {
  while (next_ < section_.bytes.size()) {
    std::optional<Record> record = RecordAt(next_);
    CfiSkip cause = CfiSkip::kTruncated;
    uint64_t end = record ? record->end : section_.bytes.size();
    bool is_terminator = record && record->body == 0;
    std::optional<Fde> fde;
    if (record && !is_terminator && !record->is_cie) fde = ParseFde(*record, &cause);
    if (!fde && !(record && (record->is_cie || is_terminator))) {
      ++statistics_[cause].fdes;
      statistics_[cause].cfi_bytes += end - next_;
    }
    next_ = is_terminator && !section_.is_debug_frame ? section_.bytes.size() : end;
    if (fde) return fde;
  }
  return std::nullopt;
}

Fde CfiReader::FdeAt(uint32_t position) {
  CfiSkip cause{};
  std::optional<Record> record = RecordAt(position);
  std::optional<Fde> fde = record ? ParseFde(*record, &cause) : std::nullopt;
  return fde.value_or(Fde{});
}

std::optional<Fde> CfiReader::ParseFde(const Record& record, CfiSkip* cause) {
  *cause = CfiSkip::kBadCie;
  std::optional<uint32_t> index = CieIndex(record.cie_position);
  if (!index || !cies_[*index].is_usable) return std::nullopt;
  const Cie& cie = cies_[*index];
  ByteCursor cursor(Bytes(record.body, record.end));
  auto start = ReadEncodedPointer(cie.address_encoding, section_.vaddr + record.body, std::nullopt, &cursor);
  auto size = ReadEncodedNumber(cie.address_encoding, &cursor);
  if (cie.has_augmentation) cursor.Skip(cursor.Uleb());
  *cause = CfiSkip::kBadAddress;
  if (!start || !size || !cursor.Ok() || *start + *size < *start) return std::nullopt;
  return Fde{record.position, *index, *start, *size, cursor.Rest()};
}

std::optional<uint32_t> CfiReader::CieIndex(uint64_t position) {
  if (position == last_cie_position_) return last_cie_;
  auto known = cie_indexes_.find(position);
  if (known == cie_indexes_.end()) {
    if (cies_.size() >= kMaxCies) return std::nullopt;
    known = cie_indexes_.emplace(position, static_cast<uint32_t>(cies_.size())).first;
    cies_.push_back(ParseCie(position));
  }
  last_cie_position_ = position;
  last_cie_ = known->second;
  return last_cie_;
}

Cie CfiReader::ParseCie(uint64_t position) const {
  Cie cie;
  std::optional<Record> record = RecordAt(position);
  if (!record || !record->is_cie) return cie;
  ByteCursor cursor(Bytes(record->body, record->end));
  uint8_t version = cursor.Byte();
  auto augmentation = ReadAugmentation(&cursor);
  if (!augmentation || !HasPlainAddresses(version, &cursor)) return cie;
  cie.code_align = cursor.Uleb();
  cie.data_align = cursor.Sleb();
  cie.return_column = version == 1 ? cursor.Byte() : cursor.Uleb();
  cie.has_augmentation = augmentation->starts_with('z');
  if (!cie.has_augmentation && !augmentation->empty()) return cie;
  if (cie.has_augmentation) {
    ByteCursor bytes(cursor.Take(cursor.Uleb()));
    if (!ReadAugmentationBytes(augmentation->substr(1), bytes, &cie)) return cie;
  }
  cie.instructions = cursor.Rest();
  cie.is_usable = cursor.Ok() && cie.instructions.size() <= kMaxCieInstructionBytes;
  return cie;
}

}  // namespace sonde::elf
