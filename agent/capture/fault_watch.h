#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "agent/kernel/fault_programs.h"
#include "agent/model/slice.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::capture {

// Page faults by stack, always; a kernel that does not take the programs has none. Single-threaded.
class FaultWatch {
 public:
  // Loads. `on_record` as of kernel::FaultPrograms; `losses` must outlive it.
  FaultWatch(const kernel::Features& features, const kernel::UnwindMaps& unwind_maps,
             kernel::RingReader::Consumer on_record, telemetry::LossLedger* losses);

  void Attach();
  void Beat(uint64_t now_ns);
  absl::Status ConsumeRing();
  double Fill() const;
  void BeginSlice(uint32_t number);
  // Takes the faults of slice `number` into `slice`. `has_stack` as Capture's HasStack().
  // REQUIRES: the slice is over, and a grace period has passed.
  absl::Status Collect(uint32_t number, absl::FunctionRef<bool(model::StackId)> has_stack, model::Slice& slice);

  absl::Status AddCounters(std::vector<uint64_t>& sums) const;
  // Null where the kernel does not take it.
  const bpf_object* Object() const { return programs_ != nullptr ? programs_->Object() : nullptr; }
  // Why there are no faults, in words for people; empty when there are.
  const std::string& UnknownWhy() const { return unknown_why_; }

 private:
  telemetry::LossLedger* const losses_;
  std::string unknown_why_;
  std::unique_ptr<kernel::FaultPrograms> programs_;
};

}  // namespace sonde::capture
