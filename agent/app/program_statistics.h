#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/kernel/bpf_cost.h"

namespace sonde::app {

// What the BPF programs cost. They time their runs only while asked to, which costs some 40 ns a run: so they are asked
// for one second in nine, and that is scaled. Single-threaded.
class ProgramStatistics {
 public:
  // The programs' counts as of now. Programs come and go; two of one name are one in the sums.
  using Read = absl::FunctionRef<absl::StatusOr<std::vector<kernel::ProgramCost>>()>;

  // Has the programs time their runs from now on, or no more.
  using Time = absl::FunctionRef<absl::Status(bool timed)>;

  ProgramStatistics();

  // Has runs timed and not timed in turn. Call some ten times a second. Errors as of `read` and `time`; the next call
  // tries again.
  absl::Status Tick(Read read, Time time);

  // Run time and count as they would be, had they been counted since the start; empty until a second was.
  std::vector<kernel::ProgramCost> Scaled() const;

  // How often it was counted since the start, and how many CPUs the programs kept busy the last time.
  uint64_t Readings() const { return readings_; }
  double LastCpus() const { return last_cpus_; }

 private:
  absl::Status Begin(Read read, Time time);
  absl::Status End(Read read, Time time);
  // What a program took since runs are timed; all that it took if it was loaded since.
  kernel::ProgramCost Since(kernel::ProgramCost now) const;
  void AddToSums(const kernel::ProgramCost& since);

  const uint64_t start_ns_;
  bool is_timing_ = false;
  uint64_t switched_ns_;                    // when that last changed
  std::vector<kernel::ProgramCost> begin_;  // counts when timing began
  std::vector<kernel::ProgramCost> sums_;   // of what was timed
  uint64_t counted_ns_ = 0;
  uint64_t readings_ = 0;
  double last_cpus_ = 0;
};

}  // namespace sonde::app
