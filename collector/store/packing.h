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

// A question over a day reads tens of millions of varints: these take eight bytes at once, on machines whose first byte
// is the lowest.
inline constexpr bool kTakesWords = std::endian::native == std::endian::little;
inline uint64_t WordAt(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}
// The top bit of each byte that ends a varint.
inline uint64_t EndsIn(uint64_t word) { return ~word & 0x8080808080808080; }
inline uint64_t LowBytes(uint64_t word, int bytes) { return word & (UINT64_MAX >> (64 - 8 * bytes)); }
// The values whose bytes are in one half each, and nothing else: their sevens of bits moved together, in pairs.
inline uint64_t JoinedInHalves(uint64_t word) {
  word = ((word & 0x7F007F007F007F00) >> 1) | (word & 0x007F007F007F007F);
  return ((word & 0x3FFF00003FFF0000) >> 2) | (word & 0x00003FFF00003FFF);
}
// The one whose bytes are all in the word.
inline uint64_t Joined(uint64_t word) {
  word = JoinedInHalves(word);
  return ((word & 0x0FFFFFFF00000000) >> 4) | (word & 0x000000000FFFFFFF);
}

// Takes one from the front of `*in`; null when there is none.
inline std::optional<uint64_t> TakeVarint(std::string_view* in) {
  if (kTakesWords && in->size() >= sizeof(uint64_t)) {
    const uint64_t word = WordAt(in->data());
    if (const uint64_t ends = EndsIn(word); ends != 0) {
      in->remove_prefix(static_cast<size_t>(std::countr_zero(ends)) / 8 + 1);
      return Joined(word & (ends ^ (ends - 1)));
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

// Takes `count` of them and gives each to `take(size_t number, uint64_t value)`; false when there are fewer.
template <typename Take>
bool TakeVarints(std::string_view* in, size_t count, const Take& take) {
  size_t i = 0;
  // Where one ends is where the next begins, which a processor waits for: of two at once, half as often.
  while (kTakesWords && i + 1 < count && in->size() >= 2 * sizeof(uint64_t)) {
    const uint64_t word = WordAt(in->data()), ends = EndsIn(word);
    const int first = std::countr_zero(ends) / 8 + 1;
    int both = std::countr_zero(ends & (ends - 1)) / 8 + 1;  // 9 without an end
    if (first <= 4 && both - first <= 4) {
      const uint64_t halves = JoinedInHalves(LowBytes(word, first) | LowBytes(word >> (8 * first), both - first) << 32);
      take(i++, halves & UINT32_MAX);
      take(i++, halves >> 32);
    } else {
      // Moves the top bits of eight bytes into one byte.
      auto gathered = [](uint64_t tops) { return ((tops >> 7) * 0x0102040810204080) >> 56; };
      const auto all = static_cast<uint32_t>(gathered(ends) | gathered(EndsIn(WordAt(in->data() + sizeof(word)))) << 8);
      both = std::countr_zero(all & (all - 1)) + 1;
      if (first > 8 || both - first > 8) break;  // also where there are none; as they are in a few profiles alone
      take(i++, Joined(LowBytes(word, first)));
      take(i++, Joined(LowBytes(WordAt(in->data() + first), both - first)));
    }
    in->remove_prefix(static_cast<size_t>(both));
  }
  for (; i < count; ++i) {
    const auto value = TakeVarint(in);
    if (!value) return false;
    take(i, *value);
  }
  return true;
}

inline int64_t FromZigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

std::string Compress(std::string_view plain);
// kDataLoss when it is not what Compress() gave, or larger than `max_bytes`.
absl::StatusOr<std::string> Decompress(std::string_view packed, size_t max_bytes);

}  // namespace sonde::store
