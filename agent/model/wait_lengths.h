#pragma once

#include <array>
#include <cstdint>

namespace sonde::model {

// How long waits were from end to end: counts[0] below 2^9 ns, counts[i] below 2^(9 + i), the last all that are longer.
struct WaitLengths {
  std::array<uint64_t, 32> counts{};  // of waits that ended
  uint64_t longest_ns = 0;            // of one in progress, so far
};

}  // namespace sonde::model
