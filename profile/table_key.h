#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace sonde::profile {

// Bytes that are equal exactly when all added parts are: the key under which a table entry is stored once.
class TableKey {
 public:
  TableKey& Add(uint64_t part) {
    bytes_.append(reinterpret_cast<const char*>(&part), sizeof(part));
    return *this;
  }
  TableKey& Add(std::string_view part) {
    Add(part.size());
    bytes_.append(part);
    return *this;
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Sum that stops at the ends of int64: values come from hostile profiles, and overflow would be undefined.
inline int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

}  // namespace sonde::profile
