#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/elf/byte_cursor.h"

namespace sonde::elf {

// What a unit's header decides about the sizes of its attributes. Addresses have 8 bytes: units with others are not
// read.
struct UnitFormat {
  uint8_t version = 4;      // 2 to 5
  uint8_t offset_size = 4;  // 8 in the 64-bit format of DWARF
  bool operator==(const UnitFormat&) const = default;
};

// An attribute as it is written: most are indices of, or offsets in, something else.
struct AttributeValue {
  enum class Kind : uint8_t {
    kNone,
    kNumber,  // also offsets in the section that the attribute is about
    kAddress,
    kAddressIndex,        // in .debug_addr
    kText,                // in .debug_info itself
    kTextOffset,          // in .debug_str
    kLineTextOffset,      // in .debug_line_str
    kTextIndex,           // in .debug_str_offsets
    kAlternateText,       // in the alternate file's .debug_str
    kUnitReference,       // to an entry of the same unit, counted from its header
    kReference,           // to an entry of .debug_info
    kAlternateReference,  // to an entry of the alternate file
    kListIndex,           // in a table of range lists
    kOther,
  };

  bool IsSet() const { return kind != Kind::kNone; }

  Kind kind = Kind::kNone;
  uint64_t value = 0;
  std::string_view text;
};

// Reads one off the front of the cursor. `implicit` is the abbreviation's own value, for forms that have it. A form
// that is not known fails the cursor: nobody can say where the next attribute begins.
AttributeValue ReadAttribute(uint16_t form, const UnitFormat& format, int64_t implicit, ByteCursor* cursor);
void SkipAttribute(uint16_t form, const UnitFormat& format, ByteCursor* cursor);
// How many bytes a form takes, when that is the same wherever it stands.
std::optional<uint8_t> FixedBytes(uint16_t form, const UnitFormat& format);

}  // namespace sonde::elf
