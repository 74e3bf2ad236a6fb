#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "agent/capture/disk_statistics.h"
#include "agent/kernel/block_programs.h"
#include "agent/model/slice.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::capture {

// Requests to block devices while somebody asks, by our hooks and by the kernel's own books of the same time. A kernel
// on which the hooks do not work has the books alone. Single-threaded.
class DiskWatch {
 public:
  // `on_record` as of kernel::BlockPrograms; `losses` must outlive it.
  DiskWatch(const kernel::Features& features, const kernel::UnwindMaps& unwind_maps,
            kernel::RingReader::Consumer on_record, telemetry::LossLedger* losses);

  // Nothing is measured, and nothing costs anything, until the first Watch(true).
  void Watch(bool watched);

  void Beat(uint64_t now_ns);
  // Time passed in which programs did nothing (kernel::SchedPrograms::Beat).
  absl::Status OnMissed();
  absl::Status ConsumeRing();
  double Fill() const;
  void BeginSlice(uint32_t number);
  // Takes what ended in slice `number`, and what has not ended, into `slice`. `has_stack` as Capture's HasStack();
  // `keep_stack` is told of those that a later slice may name: their pages are dirty still.
  // REQUIRES: the slice is over, and a grace period has passed.
  absl::Status Collect(uint32_t number, absl::FunctionRef<bool(model::StackId)> has_stack,
                       absl::FunctionRef<void(model::StackId)> keep_stack, model::Slice& slice);

  absl::Status AddCounters(std::vector<uint64_t>& sums) const;
  // Null where the kernel does not take it.
  const bpf_object* Object() const { return programs_ != nullptr ? programs_->Object() : nullptr; }
  // What does not work, in words for people; empty when all does.
  const std::string& UnknownWhy() const { return unknown_why_; }

 private:
  struct UnderWay {
    uint64_t address = 0;
    uint64_t start_ns = 0;
    model::RawRequests requests;
  };
  absl::StatusOr<std::vector<UnderWay>> FindUnderWay(const model::Slice& slice);
  void ReadBooks(model::DiskSlice& disks);
  void CountUnreadable();

  telemetry::LossLedger* const losses_;
  std::string unknown_why_;
  bool is_watching_ = false;
  uint64_t read_ns_ = 0;  // when the kernel's books were read last
  DiskStatistics statistics_;
  std::unique_ptr<kernel::BlockPrograms> programs_;
  model::DiskSlice ended_;  // the books of the slice that is over
};

}  // namespace sonde::capture
