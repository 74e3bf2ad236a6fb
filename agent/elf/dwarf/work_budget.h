#pragma once

#include <cstdint>

#include "agent/elf/limits.h"

namespace sonde::elf {

// How much more may be looked at for one question, so that no crafted file makes us work for ever: references, ranges
// and tables of a small file can name each other again and again.
class WorkBudget {
 public:
  bool Take(uint64_t steps) {
    if (steps > left_) left_ = 0;
    if (left_ == 0) return false;
    left_ -= steps;
    return true;
  }
  bool IsSpent() const { return left_ == 0; }

 private:
  uint64_t left_ = kMaxDebugSteps;
};

}  // namespace sonde::elf
