#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "agent/capture/connection_watch.h"
#include "agent/capture/disk_wait_watch.h"
#include "agent/capture/disk_watch.h"
#include "agent/capture/fault_watch.h"
#include "agent/capture/record_parser.h"
#include "agent/capture/saturation_watch.h"
#include "agent/capture/stack_table.h"
#include "agent/capture/thread_accounts.h"
#include "agent/kernel/bpf_cost.h"
#include "agent/kernel/cpu_programs.h"
#include "agent/kernel/sched_programs.h"
#include "agent/kernel/unwind_maps.h"
#include "agent/model/code_directory.h"
#include "agent/model/process_info.h"
#include "agent/model/slice.h"
#include "agent/model/stack_selection.h"
#include "agent/model/thread_dump.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::capture {

// The processes of each command that is followed.
using FollowedCommands = absl::flat_hash_map<uint32_t, absl::flat_hash_set<uint32_t>>;

// Stage 1: what the kernel side saw, as slices that follow each other without gap.
// Lives on one thread, which must call Poll() about ten times a second so that the rings do not overflow.
class Capture {
 public:
  struct Options {
    kernel::Features features;
    uint32_t sampling_hz = 99;
    kernel::EventsByCpu* clocks = nullptr;  // of this rate, opened already: they are taken; null: none are
    // These must outlive it.
    const kernel::UnwindMaps* unwind_maps = nullptr;  // by which user stacks are walked
    model::CodeDirectory* code = nullptr;
    model::ProcessDirectory* processes = nullptr;
    telemetry::LossLedger* losses = nullptr;
  };

  // Loads and attaches everything; from its return on every thread of the host is accounted for. Errors as
  // kernel::SchedPrograms and CpuPrograms give them.
  static absl::StatusOr<std::unique_ptr<Capture>> Start(const Options& options);

  // Takes what the rings hold; reads about new processes while they live.
  absl::Status Poll();

  // Whether the kernel side's maps are so full that the slice should be ended now, lest stacks be lost.
  bool IsSliceFull() const;

  // Cuts time now: gives all since the last cut (or the start), and goes on. Takes some tens of milliseconds, during
  // which events go to the next slice.
  absl::StatusOr<model::Slice> EndSlice();

  // Where each living thread of process `tgid` (0: of all) is now. Ends no slice and changes none.
  absl::StatusOr<model::ThreadDump> LookAtThreads(uint32_t tgid);

  // The commands whose processes are followed from now on; none at first. What one forks before that is not.
  absl::Status Follow(const absl::flat_hash_set<uint32_t>& commands);
  // The processes of each of these, as far as they lived in `last`, the slice that ended last, or begin later.
  absl::StatusOr<FollowedCommands> Followed(const model::Slice& last);

  // Whether slices from the next one on tell the other side of waits; off at first. After an error they tell less.
  absl::Status WatchOtherSide(bool watched);

  // Whether slices from the next one on tell of TCP connections; off at first, and after an error.
  absl::Status WatchConnections(bool watched) { return connections_->Watch(watched); }

  // Whether slices from the next one on also tell how wakers came to wake, while the other side is watched; off at
  // first.
  void WatchChains(bool watched);

  // Which stacks are walked from now on; all at first. Call between EndSlice() and the next Poll(): a slice counts as
  // drawn by one selection.
  void Select(const model::StackSelection& selection);

  // Whether slices from the next one on tell of requests to block devices; off at first.
  void WatchDisks(bool watched) { disks_->Watch(watched); }

  // Whether slices from the next one on tell of saturation; off at first, and after an error.
  absl::Status WatchSaturation(bool watched) { return saturation_->Watch(watched); }

  // Counts since the start, by abi::counter, as of the last EndSlice().
  const std::vector<uint64_t>& Counters() const { return counters_; }

  // What this kernel cannot do, in words for people.
  std::vector<std::string> Degraded() const;

  absl::StatusOr<std::vector<kernel::MapCost>> MapCosts() const;
  absl::StatusOr<std::vector<kernel::ProgramCost>> ProgramCosts() const;

  // Whether the programs that are loaded now time their runs from now on (kernel::TimeRuns).
  absl::Status TimeRuns(bool timed);

 private:
  explicit Capture(const Options& options)
      : unwind_maps_(options.unwind_maps),
        code_(options.code),
        processes_(options.processes),
        losses_(options.losses),
        sampling_hz_(options.sampling_hz),
        counters_(abi::COUNTERS) {}

  void OnRecord(std::span<const std::byte> bytes);
  void OnStack(StackSeen seen);
  model::UserFrame ToUserFrame(uint64_t frame);
  void BeginSlice();
  absl::Status CollectSamples(uint32_t number, model::Slice& slice);
  absl::Status CountLosses();
  void AddSample(model::RawSample sample, uint32_t number, model::Slice& slice);
  absl::Status CollectOtherSide(uint32_t number, model::Slice& slice);
  absl::Status CollectWakers(uint32_t number, model::Slice& slice);
  absl::Status CollectChains(uint32_t number, model::Slice& slice);
  absl::Status CollectCounterparts(uint32_t number, model::Slice& slice);
  // Every process that the slice speaks of has its name in it.
  void NameProcesses(const absl::flat_hash_map<uint32_t, std::string>& group_comms, model::Slice& slice);
  // Whether the frames of the stack are in the slice, or could be put there.
  bool HasStack(model::StackId id, uint32_t number, model::Slice& slice);
  std::vector<const bpf_object*> Objects() const;
  absl::Status FollowHotplug();
  void ConsumeRings();
  void Beat();

  const kernel::UnwindMaps* const unwind_maps_;
  model::CodeDirectory* const code_;
  model::ProcessDirectory* const processes_;
  telemetry::LossLedger* const losses_;
  const uint32_t sampling_hz_;
  uint32_t slice_ = 0;
  uint64_t slice_start_ns_ = 0;
  absl::Status ring_status_;
  StackTable stacks_;
  ThreadAccounts accounts_;
  absl::flat_hash_set<uint32_t> commands_;         // that are followed
  absl::flat_hash_set<uint32_t> followed_lately_;  // processes of these when Followed() looked last
  model::StackSelection selection_;
  std::vector<uint64_t> counters_;
  // Last, so that programs are detached before what they feed goes.
  std::unique_ptr<kernel::SchedPrograms> sched_;
  std::unique_ptr<kernel::CpuPrograms> cpu_;
  std::unique_ptr<FaultWatch> faults_;
  std::unique_ptr<ConnectionWatch> connections_;
  std::unique_ptr<DiskWatch> disks_;
  std::unique_ptr<DiskWaitWatch> disk_waits_;
  std::unique_ptr<SaturationWatch> saturation_;
};

}  // namespace sonde::capture
