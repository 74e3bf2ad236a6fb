#pragma once

#include <cstddef>
#include <cstdint>
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
