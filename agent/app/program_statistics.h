#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/kernel/bpf_cost.h"
#include "base/unique_fd.h"

namespace sonde::app {

// What the BPF programs cost. The kernel counts their run time only while asked to, and asking costs some 20 ns a run:
// so it is asked for one second in nine, and that is scaled. What others have it count besides does not matter.
// Single-threaded.
class ProgramStatistics {
 public:
  // The programs' counts as of now. Programs come and go; two of one name are one in the sums.
  using Read = absl::FunctionRef<absl::StatusOr<std::vector<kernel::ProgramCost>>()>;

  ProgramStatistics();

  // Switches the kernel's counting on and off in turn. Call some ten times a second. Errors as of `read`.
  absl::Status Tick(Read read);

  // Run time and count as they would be, had they been counted since the start; empty until a second was.
  std::vector<kernel::ProgramCost> Scaled() const;

  // How often it was counted since the start, and how many CPUs the programs kept busy the last time.
  uint64_t Readings() const { return readings_; }
  double LastCpus() const { return last_cpus_; }

  // The kernel counts for nobody with the agent's rights, or cannot.
  bool IsRefused() const { return is_refused_; }

 private:
  absl::Status Begin(Read read, uint64_t now_ns);
  absl::Status End(Read read, uint64_t now_ns);
  // What a program took since counting was switched on; all that it took if it was loaded since.
  kernel::ProgramCost Since(kernel::ProgramCost now) const;
  void AddToSums(const kernel::ProgramCost& since);

  const uint64_t start_ns_;
  base::UniqueFd counting_;                 // valid while the kernel counts
  uint64_t switched_ns_;                    // when counting was last switched
  std::vector<kernel::ProgramCost> begin_;  // counts when it was switched on
  std::vector<kernel::ProgramCost> sums_;   // of what was counted while it was on
  uint64_t counted_ns_ = 0;
  uint64_t readings_ = 0;
  double last_cpus_ = 0;
  bool is_refused_ = false;
};

}  // namespace sonde::app
