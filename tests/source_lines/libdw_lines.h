#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sonde::source_lines {

struct LibdwFrame {
  std::string function;
  std::string file;
  int line = 0;
  int start_line = 0;
};

// What libdw knows of an address: the referee.
class LibdwLines {
 public:
  // Null when libdw cannot open it. `fd` must stay open.
  static std::unique_ptr<LibdwLines> Open(int fd);
  ~LibdwLines();

  // The innermost frame first.
  std::vector<LibdwFrame> FramesAt(uint64_t address);

 private:
  struct UnitRange {
    uint64_t begin = 0;
    uint64_t end = 0;
    Dwarf_Die unit{};
  };

  explicit LibdwLines(Dwarf* dwarf);
  bool FindUnit(uint64_t address, Dwarf_Die* unit) const;

  Dwarf* dwarf_;
  std::vector<UnitRange> ranges_;
};

}  // namespace sonde::source_lines
