#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace sonde::elf {

// Reads little-endian numbers off the front of bytes that are not trusted. Reading past the end gives 0 and makes Ok()
// false for good, so a whole record can be read before one check. The bytes are borrowed.
class ByteCursor {
 public:
  ByteCursor() = default;
  explicit ByteCursor(std::span<const std::byte> bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool Ok() const { return ok_; }
  bool AtEnd() const { return at_ == end_; }
  size_t Remaining() const { return static_cast<size_t>(end_ - at_); }
  const std::byte* Position() const { return at_; }
  std::span<const std::byte> Rest() const { return {at_, end_}; }

  template <typename T>
  T Read() {
    T value{};
    if (Remaining() < sizeof(T)) return Fail<T>();
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  uint8_t Byte() { return Read<uint8_t>(); }

  // Bits beyond the 64th are dropped; more than 10 bytes are an error.
  uint64_t Uleb() {
    if (at_ < end_ && static_cast<uint8_t>(*at_) < 0x80) return static_cast<uint8_t>(*at_++);
    return LongLeb(/*is_signed=*/false);
  }
  int64_t Sleb() { return static_cast<int64_t>(LongLeb(/*is_signed=*/true)); }

  // The next `size` bytes; empty, and an error, when there are fewer.
  std::span<const std::byte> Take(uint64_t size) {
    if (size > Remaining()) return Fail<std::span<const std::byte>>();
    std::span<const std::byte> taken{at_, static_cast<size_t>(size)};
    at_ += size;
    return taken;
  }
  void Skip(uint64_t size) { Take(size); }

 private:
  template <typename T>
  T Fail() {
    ok_ = false;
    at_ = end_;
    return T{};
  }

  uint64_t LongLeb(bool is_signed) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      uint8_t byte = Byte();
      if (shift < 64) value |= uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80) != 0) continue;
      if (is_signed && (byte & 0x40) != 0 && shift + 7 < 64) value |= ~uint64_t{0} << (shift + 7);
      return ok_ ? value : 0;
    }
    return Fail<uint64_t>();
  }

  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  bool ok_ = true;
};

}  // namespace sonde::elf
