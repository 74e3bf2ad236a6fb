#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "walked_frame.h"

namespace sonde::cfi_rows {

// What libdw says of an address.
struct OracleFrame {
  enum class Kind {
    kFrame,      // `frame` is what it gives
    kUncovered,  // no FDE
    kUnusable,   // an error, or an expression that the oracle's reader cannot follow
  };
  Kind kind = Kind::kUncovered;
  WalkedFrame frame;
  uint64_t begin = 0;  // ELF addresses that the same answer is good for, when covered
  uint64_t end = 0;
  bool is_of_debug_frame = false;
  const char* error = "";
};

// One ELF image, read by libdw: .eh_frame first, then .debug_frame.
class LibdwOracle {
 public:
  // Null when libdw cannot read it. The image is borrowed.
  static std::unique_ptr<LibdwOracle> OpenFile(int fd);
  static std::unique_ptr<LibdwOracle> OpenMemory(std::span<std::byte> image);
  ~LibdwOracle();

  // Both sections' answer, with `machine` as it stands at `vaddr`.
  OracleFrame At(uint64_t vaddr, const ArbitraryMachine& machine) const;

 private:
  struct Handles;
  explicit LibdwOracle(std::unique_ptr<Handles> handles);
  std::unique_ptr<Handles> handles_;
};

}  // namespace sonde::cfi_rows
