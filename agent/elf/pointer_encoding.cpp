#include "agent/elf/pointer_encoding.h"

namespace sonde::elf {

std::optional<uint64_t> ReadEncodedNumber(uint8_t encoding, ByteCursor* cursor) {
  switch (encoding & kPointerFormat) {
    case 0x00:  // absptr
    case 0x04:  // udata8
    case 0x0C:  // sdata8
    case 0x08:  // "signed", of the size of an address
      return cursor->Read<uint64_t>();
    case 0x01:
      return cursor->Uleb();
    case 0x02:
      return cursor->Read<uint16_t>();
    case 0x03:
      return cursor->Read<uint32_t>();
    case 0x09:
      return static_cast<uint64_t>(cursor->Sleb());
    case 0x0A:
      return static_cast<uint64_t>(int64_t{cursor->Read<int16_t>()});
    case 0x0B:
      return static_cast<uint64_t>(int64_t{cursor->Read<int32_t>()});
    default:
      return std::nullopt;
  }
}

std::optional<uint64_t> ReadEncodedPointer(uint8_t encoding, uint64_t own_vaddr, std::optional<uint64_t> data_base,
                                           ByteCursor* cursor) {
  if ((encoding & kPointerIndirect) != 0) return std::nullopt;
  std::optional<uint64_t> number = ReadEncodedNumber(encoding, cursor);
  if (!number) return std::nullopt;
  switch (encoding & kPointerBase) {
    case kPointerAbsolute:
      return number;
    case kPointerPcRelative:
      return *number + own_vaddr;
    case kPointerDataRelative:
      return data_base ? std::optional(*number + *data_base) : std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace sonde::elf
