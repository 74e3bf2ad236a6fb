#pragma once

#include <cstdint>
#include <optional>

#include "agent/elf/byte_cursor.h"

namespace sonde::elf {

// DW_EH_PE_*: how .eh_frame writes an address. The low four bits are the format, the next three what it is relative to.
inline constexpr uint8_t kPointerAbsolute = 0x00;
inline constexpr uint8_t kPointerFormat = 0x0F;
inline constexpr uint8_t kPointerBase = 0x70;
inline constexpr uint8_t kPointerPcRelative = 0x10;
inline constexpr uint8_t kPointerDataRelative = 0x30;
inline constexpr uint8_t kPointerIndirect = 0x80;
inline constexpr uint8_t kPointerOmitted = 0xFF;

// Reads a number in the format of `encoding`, without adding its base. Empty for a format that does not exist; a number
// that is cut off shows in the cursor.
std::optional<uint64_t> ReadEncodedNumber(uint8_t encoding, ByteCursor* cursor);

// Reads an address, given the ELF address of its own first byte and what data-relative means here, if anything. Empty
// also for bases that do not occur on x86-64 (text, function, aligned) and for pointers to the pointer.
std::optional<uint64_t> ReadEncodedPointer(uint8_t encoding, uint64_t own_vaddr, std::optional<uint64_t> data_base,
                                           ByteCursor* cursor);

}  // namespace sonde::elf
