#pragma once

#include <algorithm>
#include <cstdint>

namespace sonde::base {

// How much CPU time background work may take: some at once, then a share of the time that passes. Not thread-safe.
class CpuBudget {
 public:
  struct Limits {
    uint64_t burst_ns = 500'000'000;
    double share = 0.25;  // of one CPU
  };

  CpuBudget(Limits limits, uint64_t now_ns)
      : limits_(limits), left_ns_(static_cast<double>(limits.burst_ns)), as_of_ns_(now_ns) {}

  // Work has taken this much, which may be more than was left.
  void Spend(uint64_t cpu_ns) { left_ns_ -= static_cast<double>(cpu_ns); }

  // How long to wait before more work may begin; 0: now.
  uint64_t WaitNs(uint64_t now_ns) {
    left_ns_ += static_cast<double>(now_ns - as_of_ns_) * limits_.share;
    left_ns_ = std::min(left_ns_, static_cast<double>(limits_.burst_ns));
    as_of_ns_ = now_ns;
    return left_ns_ > 0 ? 0 : static_cast<uint64_t>(-left_ns_ / limits_.share) + 1;
  }

 private:
  const Limits limits_;
  double left_ns_;
  uint64_t as_of_ns_;
};

}  // namespace sonde::base
