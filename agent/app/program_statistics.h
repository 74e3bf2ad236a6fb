#pragma once

#include <cstdint>
#include <vector>

#include "agent/kernel/bpf_cost.h"
#include "base/unique_fd.h"

namespace sonde::app {

// What the BPF programs cost. The kernel counts their run time only while asked to, and asking costs some 20 ns a run:
// so it is asked for one second in thirty, and scaled. Single-threaded.
class ProgramStatistics {
 public:
  ProgramStatistics();

  // Switches the kernel's counting on and off in turn. Call some ten times a second.
  void Tick();

  // Run time and count as they would be, had they been counted since the start.
  std::vector<kernel::ProgramCost> Scale(std::vector<kernel::ProgramCost> counted) const;

 private:
  uint64_t CountedNs(uint64_t now_ns) const;

  const uint64_t start_ns_;
  base::UniqueFd counting_;  // valid while the kernel counts
  uint64_t switched_ns_;     // when counting was last switched
  uint64_t counted_ns_ = 0;  // before that
  bool is_refused_ = false;
};

}  // namespace sonde::app
