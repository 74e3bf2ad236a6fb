#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sonde::store {

// Numbers and bytes as the store's blobs have them: protobuf's varints, zigzag for what may be negative, zstd.

void PutVarint(uint64_t value, std::string* out);
void PutSigned(int64_t value, std::string* out);

// Takes one from the front of `*in`; null when there is none.
inline std::optional<uint64_t> TakeVarint(std::string_view* in) {
  // A question over a day reads tens of millions: eight bytes at once, their sevens of bits moved together in pairs.
  if constexpr (std::endian::native == std::endian::little) {
    uint64_t word = 0;
    if (in->size() >= sizeof(word)) std::memcpy(&word, in->data(), sizeof(word));
    if (const uint64_t ends = in->size() >= sizeof(word) ? ~word & 0x8080808080808080 : 0; ends != 0) {
      word &= ends ^ (ends - 1);
      word = ((word & 0x7F007F007F007F00) >> 1) | (word & 0x007F007F007F007F);
      word = ((word & 0x3FFF00003FFF0000) >> 2) | (word & 0x00003FFF00003FFF);
      word = ((word & 0x0FFFFFFF00000000) >> 4) | (word & 0x000000000FFFFFFF);
      in->remove_prefix(static_cast<size_t>(std::countr_zero(ends)) / 8 + 1);
      return word;
    }
  }
  uint64_t value = 0;
  for (size_t i = 0; i < in->size() && i < 10; ++i) {
    const auto byte = static_cast<uint8_t>((*in)[i]);
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      in->remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}
inline int64_t FromZigzag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

std::string Compress(std::string_view plain);
// kDataLoss when it is not what Compress() gave, or larger than `max_bytes`.
absl::StatusOr<std::string> Decompress(std::string_view packed, size_t max_bytes);

}  // namespace sonde::store
