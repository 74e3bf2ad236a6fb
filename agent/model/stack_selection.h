#pragma once

#include <cstdint>

namespace sonde::model {

// Which stacks the kernel side walks at switch-out. As it is here, no more is saved than costs no accuracy; clocks,
// counts and reasons are exact whatever it says.
struct StackSelection {
  uint32_t check_one_in = 64;                // reused stacks that are walked all the same, to compare
  uint64_t preempted_pause_ns = 10'000'000;  // how long a preempted thread's stack stands for its next ones
  uint32_t walk_one_in = 1;                  // stacks that no known site fits; drawn by chance,
  uint32_t certain_walks = 0;                // once a thread had so many of them walked in the slice

  friend bool operator==(const StackSelection&, const StackSelection&) = default;
};

}  // namespace sonde::model
