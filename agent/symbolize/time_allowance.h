#pragma once

#include <algorithm>
#include <cstdint>

namespace sonde::symbolize {

// What may take one part in `share` of the time that passes, and `in_advance_ns` before it has passed. Times are of one
// monotonic clock, costs of the CPU.
class TimeAllowance {
 public:
  constexpr TimeAllowance(uint64_t share, uint64_t in_advance_ns) : share_(share), in_advance_ns_(in_advance_ns) {}

  bool HasTime(uint64_t now_ns) const { return paid_until_ns_ <= now_ns + share_ * in_advance_ns_; }
  void Take(uint64_t now_ns, uint64_t cost_ns) { paid_until_ns_ = std::max(paid_until_ns_, now_ns) + share_ * cost_ns; }

 private:
  uint64_t share_;
  uint64_t in_advance_ns_;
  uint64_t paid_until_ns_ = 0;  // by the time that passes, for what was taken
};

}  // namespace sonde::symbolize
