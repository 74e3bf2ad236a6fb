#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace sonde::names {

// Puts numbers and texts behind each other.
class PacketWriter {
 public:
  template <typename T>
  PacketWriter& Number(T value) {
    static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  // Cut after `max_bytes`.
  PacketWriter& Text(std::string_view text, size_t max_bytes) {
    text = text.substr(0, std::min(text.size(), max_bytes));
    Number(static_cast<uint32_t>(text.size()));
    bytes_.append(text);
    return *this;
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what PacketWriter wrote, or any bytes: past the end, or over a bound, everything is 0 and Ok() false for good.
class PacketReader {
 public:
  explicit PacketReader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T Number() {
    static_assert(std::is_integral_v<T>);
    T value{};
    if (rest_.size() < sizeof(T)) return Fail<T>();
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  // A truth value, or a number up to `last` as the enumeration `T`.
  bool Flag() { return Number<uint8_t>() != 0; }
  template <typename T>
  T Choice(T last) {
    const auto value = Number<std::underlying_type_t<T>>();
    return value <= static_cast<std::underlying_type_t<T>>(last) ? static_cast<T>(value) : Fail<T>();
  }
  std::string Text(size_t max_bytes) {
    const auto size = Number<uint32_t>();
    if (size > max_bytes || size > rest_.size()) return Fail<std::string>();
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  // How many of what takes `bytes_each` at least follow.
  size_t Count(size_t max_count, size_t bytes_each) {
    const auto count = Number<uint32_t>();
    if (count > max_count || count > rest_.size() / bytes_each) return Fail<size_t>();
    return count;
  }

  bool Ok() const { return ok_; }
  // All was read, and all was well.
  bool IsWhole() const { return ok_ && rest_.empty(); }

 private:
  template <typename T>
  T Fail() {
    ok_ = false;
    rest_ = {};
    return T{};
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace sonde::names
