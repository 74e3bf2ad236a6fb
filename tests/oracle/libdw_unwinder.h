#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/process/memory_map.h"
#include "tests/oracle/instants.h"

struct Dwfl;

namespace sonde::oracle {

// A place in a file that a process maps, or with inode 0 an address of the process.
struct Place {
  uint64_t inode = 0;
  uint64_t offset = 0;
  std::string path;

  friend bool operator==(const Place& a, const Place& b) { return a.inode == b.inode && a.offset == b.offset; }
};

// What libdw makes of an instant.
struct Truth {
  std::vector<Place> frames;  // of callers: the byte before the return address
  std::string error;          // why it ended before the bottom; empty: it did not
  bool needs_more_stack = false;
  bool is_guess =
      false;  // a frame that has a caller has no CFI: libdw then goes by rbp, whatever the code does with it
};

// Unwinds dumps of one process by libdw. The process must live, and be what it was when the dump was taken.
class LibdwUnwinder {
 public:
  explicit LibdwUnwinder(pid_t pid) : pid_(pid) {}
  ~LibdwUnwinder();

  // Empty when the process is gone.
  std::optional<Truth> Unwind(const Instant& instant);
  // Of the process as it was at the last Unwind().
  Place PlaceOf(uint64_t address) const;
  uint64_t VdsoStart() const;

 private:
  bool Refresh();
  bool Attach();
  bool HasCfi(uint64_t address) const;

  const pid_t pid_;
  std::vector<process::MapLine> code_;
  Dwfl* dwfl_ = nullptr;
  const Instant* instant_ = nullptr;
  bool needs_more_stack_ = false;

  friend struct Callbacks;  // what libdw calls
};

}  // namespace sonde::oracle
