#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "agent/kernel/net_programs.h"
#include "agent/model/slice.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::capture {

// TCP connections while somebody asks: those that this host asks for, and what goes wrong with any. Single-threaded.
class ConnectionWatch {
 public:
  // `on_record` as of kernel::NetPrograms; `losses` must outlive it.
  ConnectionWatch(const kernel::Features& features, const kernel::UnwindMaps& unwind_maps,
                  kernel::RingReader::Consumer on_record, telemetry::LossLedger* losses);

  // Nothing is measured, and nothing costs anything, until the first Watch(true). After an error nothing is.
  absl::Status Watch(bool watched);

  void Beat(uint64_t now_ns);
  // Time passed in which programs did nothing (kernel::SchedPrograms::Beat).
  absl::Status OnMissed();
  absl::Status ConsumeRing();
  double Fill() const;
  void BeginSlice(uint32_t number);
  // Takes what happened in slice `number`, and what is under way, into `slice`. `has_stack` as Capture's HasStack().
  // REQUIRES: the slice is over, and a grace period has passed.
  absl::Status Collect(uint32_t number, absl::FunctionRef<bool(model::StackId)> has_stack, model::Slice& slice);

  absl::Status AddCounters(std::vector<uint64_t>& sums) const;
  // Null where the kernel does not take it.
  const bpf_object* Object() const { return programs_.ok() ? (*programs_)->Object() : nullptr; }

 private:
  bool IsWatching() const { return programs_.ok() && (*programs_)->IsWatching(); }

  telemetry::LossLedger* const losses_;
  absl::StatusOr<std::unique_ptr<kernel::NetPrograms>> programs_;
};

}  // namespace sonde::capture
