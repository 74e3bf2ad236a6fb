#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/capture/record_parser.h"
#include "agent/capture/stack_table.h"
#include "agent/capture/thread_accounts.h"
#include "agent/kernel/bpf_cost.h"
#include "agent/kernel/cpu_programs.h"
#include "agent/kernel/sched_programs.h"
#include "agent/model/process_info.h"
#include "agent/model/slice.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::capture {

// Stage 1: what the kernel side saw, as slices that follow each other without gap.
// Lives on one thread, which must call Poll() about ten times a second so that the rings do not overflow.
class Capture {
 public:
  // Loads and attaches everything; from its return on every thread of the host is accounted for. `processes` and
  // `losses` must outlive it. Errors as kernel::SchedPrograms and CpuPrograms give them.
  static absl::StatusOr<std::unique_ptr<Capture>> Start(const kernel::Features& features, uint32_t sampling_hz,
                                                        model::ProcessDirectory* processes,
                                                        telemetry::LossLedger* losses);

  // Takes what the rings hold; reads about new processes while they live.
  absl::Status Poll();

  // Whether the kernel side's maps are so full that the slice should be ended now, lest stacks be lost.
  bool IsSliceFull() const;

  // Cuts time now: gives all since the last cut (or the start), and goes on. Takes some tens of milliseconds, during
  // which events go to the next slice.
  absl::StatusOr<model::Slice> EndSlice();

  // Counts since the start, by abi::counter, as of the last EndSlice().
  const std::vector<uint64_t>& Counters() const { return counters_; }

  // What this kernel cannot do, in words for people.
  std::vector<std::string> Degraded() const { return sched_->Degraded(); }

  absl::StatusOr<std::vector<kernel::MapCost>> MapCosts() const;
  absl::StatusOr<std::vector<kernel::ProgramCost>> ProgramCosts() const;

 private:
  Capture(model::ProcessDirectory* processes, telemetry::LossLedger* losses)
      : processes_(processes), losses_(losses), counters_(abi::COUNTERS) {}

  void OnRecord(std::span<const std::byte> bytes);
  void OnStack(StackSeen seen);
  void BeginSlice(uint64_t start_ns);
  absl::Status CollectSamples(uint32_t number, model::Slice& slice);
  absl::Status CountLosses();
  void AddSample(model::RawSample sample, uint32_t number, model::Slice& slice);
  void ConsumeRings();

  model::ProcessDirectory* const processes_;
  telemetry::LossLedger* const losses_;
  uint32_t sampling_hz_ = 0;
  uint32_t slice_ = 0;
  uint64_t slice_start_ns_ = 0;
  absl::Status ring_status_;
  StackTable stacks_;
  ThreadAccounts accounts_;
  std::vector<uint64_t> counters_;
  // Last, so that programs are detached before what they feed goes.
  std::unique_ptr<kernel::SchedPrograms> sched_;
  std::unique_ptr<kernel::CpuPrograms> cpu_;
};

}  // namespace sonde::capture
