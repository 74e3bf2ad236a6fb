#pragma once

#include <cstdint>
#include <string_view>

namespace sonde::base {

// CRC-32C (Castagnoli), the checksum of iSCSI, ext4 and SCTP, of `bytes`; `before` is the sum of what is before them.
// From tables, about a gigabyte a second: Debian 12 ships no library for it.
uint32_t Crc32c(std::string_view bytes, uint32_t before = 0);

}  // namespace sonde::base
