#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "agent/kernel/sched_programs.h"
#include "agent/model/slice.h"

namespace sonde::capture {

// What the host has too little of, while somebody asks: waits in each CPU's queue by our hooks, and the kernel's own
// books of CPUs, quotas and pressure as each slice begins and ends. Single-threaded; `sched` must outlive it.
class SaturationWatch {
 public:
  explicit SaturationWatch(kernel::SchedPrograms* sched) : sched_(sched) {}

  // From the next slice that begins, on; nothing is read before. After an error as if not watched.
  absl::Status Watch(bool watched);

  void BeginSlice();
  // Takes slice `number` into `slice`. REQUIRES: the slice is over, and a grace period has passed.
  absl::Status Collect(uint32_t number, model::Slice& slice);

 private:
  kernel::SchedPrograms* const sched_;
  bool is_watching_ = false;
  std::shared_ptr<const model::SaturationReading> last_;
  model::SaturationSlice ended_;
};

// Reads all of the kernel's books now; what cannot be read is told in it.
model::SaturationReading ReadSaturation();

}  // namespace sonde::capture
