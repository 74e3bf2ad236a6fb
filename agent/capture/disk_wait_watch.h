#pragma once

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "agent/kernel/disk_wait_programs.h"
#include "agent/model/slice.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::capture {

// Which requests to block devices ended waits, while somebody asks. A kernel that does not tell has none.
// Single-threaded.
class DiskWaitWatch {
 public:
  // `sched` and `losses` must outlive it.
  DiskWaitWatch(const kernel::Features& features, const kernel::SchedPrograms* sched, telemetry::LossLedger* losses)
      : features_(features), sched_(sched), losses_(losses) {}

  // Nothing is loaded, and nothing costs anything, unless it is watched. What the kernel refuses is counted as a loss.
  // `slice` is the current one.
  void Watch(bool watched, uint32_t slice);
  void Beat(uint64_t now_ns);
  void BeginSlice(uint32_t number);
  // How full the current slice's sums are, 1 at most.
  double Fill() const;
  // Takes what ended in slice `number` into `slice`. `has_stack` as Capture's HasStack(). REQUIRES: the slice is over,
  // and a grace period has passed.
  absl::Status Collect(uint32_t number, absl::FunctionRef<bool(model::StackId)> has_stack, model::Slice& slice);

  // Null while it is not watched.
  const bpf_object* Object() const;

 private:
  const kernel::Features features_;
  const kernel::SchedPrograms* const sched_;
  telemetry::LossLedger* const losses_;
  std::unique_ptr<kernel::DiskWaitPrograms> programs_;  // while it is watched
};

}  // namespace sonde::capture
