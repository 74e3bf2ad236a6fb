#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/oracle/libdw_unwinder.h"

namespace sonde::oracle {

// How one program's stacks compare.
struct Tally {
  uint64_t stacks = 0;
  uint64_t complete = 0;  // by the walker
  uint64_t guessed = 0;   // of these: code without CFI is in them, through which libdw guesses
  uint64_t guessed_identical = 0;
  uint64_t compared = 0;       // of the rest: libdw came to the bottom too
  uint64_t identical = 0;      // of these
  uint64_t libdw_gave_up = 0;  // complete ones, the same as far as libdw went
  uint64_t gone = 0;           // the process, or a mapping of it, was gone when libdw looked; not among the above
  uint64_t frames = 0;
  std::map<std::string, uint64_t> misses;  // why not complete, or how different, with the place

  void Add(const Instant& instant, const std::vector<Place>& walked, const Truth& truth);
};

}  // namespace sonde::oracle
