#include "base/crc32c.h"

#include <array>
#include <cstddef>

namespace sonde::base {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // bit-reversed

// Row 0 takes one byte; row n takes a byte with n zero bytes behind it, so that eight bytes are looked up at once.
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = sum;
  }
  for (size_t row = 1; row < tables.size(); ++row) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t last = tables[row - 1][byte];
      tables[row][byte] = (last >> 8) ^ tables[0][last & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

uint32_t ByteAt(std::string_view bytes, size_t at) { return static_cast<unsigned char>(bytes[at]); }

}  // namespace

uint32_t Crc32c(std::string_view bytes, uint32_t before) {
  uint32_t sum = ~before;
  while (bytes.size() >= 8) {
    sum ^= ByteAt(bytes, 0) | ByteAt(bytes, 1) << 8 | ByteAt(bytes, 2) << 16 | ByteAt(bytes, 3) << 24;
    sum = kTables[7][sum & 0xff] ^ kTables[6][(sum >> 8) & 0xff] ^ kTables[5][(sum >> 16) & 0xff] ^
          kTables[4][sum >> 24] ^ kTables[3][ByteAt(bytes, 4)] ^ kTables[2][ByteAt(bytes, 5)] ^
          kTables[1][ByteAt(bytes, 6)] ^ kTables[0][ByteAt(bytes, 7)];
    bytes.remove_prefix(8);
  }
  for (size_t i = 0; i < bytes.size(); ++i) sum = (sum >> 8) ^ kTables[0][(sum ^ ByteAt(bytes, i)) & 0xff];
  return ~sum;
}

}  // namespace sonde::base
