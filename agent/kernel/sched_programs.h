#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "agent/kernel/btf_features.h"
#include "agent/kernel/program_links.h"
#include "agent/kernel/ring_reader.h"
#include "agent/kernel/slice_maps.h"
#include "agent/kernel/unwind_maps.h"
#include "agent/model/stack_selection.h"
#include "bpf/abi/counterpart.h"
#include "bpf/abi/tables.h"
#include "bpf/abi/thread.h"
#include "bpf/abi/wake_chain.h"

struct bpf_link;
struct bpf_object;
struct sched_bpf;

namespace sonde::kernel {

// The off-CPU side: thread clocks and waits. Single-threaded. Destruction detaches first, then closes.
class SchedPrograms {
 public:
  // Loads and verifies; nothing runs yet. `on_record` gets the bytes of abi::stack_record, thread_exit_record and
  // exec_record.
  static absl::StatusOr<std::unique_ptr<SchedPrograms>> Load(const Features& features, const UnwindMaps& unwind_maps,
                                                             RingReader::Consumer on_record);
  ~SchedPrograms();

  // Begins to follow the scheduler, then gives a clock to every thread that lives already. `between_reads` is called
  // every few hundred threads, so that the ring can be emptied meanwhile.
  absl::Status Attach(absl::FunctionRef<void()> between_reads);

  // Says that the agent lives: its programs do nothing when that was too long ago (bpf/lib/heartbeat.bpf.h). Gives how
  // long nothing was measured, 0 when nothing was missed; then the clocks have to be set anew by Resume().
  uint64_t Beat(uint64_t now_ns);
  absl::Status Resume(absl::FunctionRef<void()> between_reads);

  // From now on looks at the other side of waits, or no longer: who ends them, and the peer or lock that they are for.
  // It costs something at every switch and wake-up, and is off at first, and after an error.
  absl::Status WatchOtherSide(bool watched);
  // Memory of the maps that exist only while it is watched, beside those of Object().
  uint64_t OtherSideBytes() const { return wakers_.Bytes() + counterparts_.Bytes(); }

  // From now on follows process `command` and all that it and they fork; or no longer, which is also due after an
  // error.
  absl::Status Follow(uint32_t command);
  absl::Status Unfollow(uint32_t command);
  // Every process that is followed, with the command that it is of; it stays one until it is forgotten.
  absl::Status VisitFollowed(absl::FunctionRef<void(const uint32_t& tgid, const uint32_t& command)> visit) const;
  absl::Status Forget(uint32_t tgid);

  // From now on, `now_ns`, also follows wake-ups back to who woke the waker, or no longer; off at first. Nothing comes
  // of it while the other side is not watched.
  void WatchChains(bool watched, uint64_t now_ns);

  // Whether the waits in each CPU's queue are counted from now on; off at first. After an error they are not.
  absl::Status WatchQueues(bool watched);

  // Which stacks are walked from now on; all at first.
  void Select(const model::StackSelection& selection);

  // Cuts time now, and returns when that is (monotonic): what comes later belongs to slice `number`, which follows the
  // last one.
  uint64_t BeginSlice(uint32_t number);

  // How full the fullest map of the current slice is, 0 to 1: time to end the slice before it is 1.
  double Fill() const;

  // Gives every living thread's account of the slice before the current one, and closes that slice in every clock.
  absl::Status CollectThreads(absl::FunctionRef<void(const abi::thread_record&)> visit,
                              absl::FunctionRef<void()> between_reads);

  // Where each living thread of process `tgid` (0: of all) is now. Changes nothing.
  absl::Status LookAtThreads(uint32_t tgid, absl::FunctionRef<void(const abi::thread_now&)> visit,
                             absl::FunctionRef<void()> between_reads);

  // Takes the sums of slice `number` out. REQUIRES: CollectThreads() has closed it, and a grace period has passed.
  absl::Status DrainWaits(uint32_t number, absl::FunctionRef<void(const abi::wait_key&, const abi::wait_sum&)> visit);

  // The same of exited threads that the ring had no room for, by process.
  absl::Status DrainExits(uint32_t number, absl::FunctionRef<void(const uint32_t& tgid, const abi::exit_sum&)> visit);

  // The same of the other side, while it is watched: who ended waits, and what they were for.
  absl::Status DrainWakers(uint32_t number,
                           absl::FunctionRef<void(const abi::waker_key&, const abi::waker_sum&)> visit);

  absl::Status DrainChains(uint32_t number,
                           absl::FunctionRef<void(const abi::chain_key&, const abi::chain_sum&)> visit);

  absl::Status DrainCounterparts(uint32_t number,
                                 absl::FunctionRef<void(const abi::counterpart_key&, const abi::wait_sum&)> visit);

  // Takes out the waits that ended in slice `number`, of each CPU that had any.
  absl::Status DrainQueueWaits(uint32_t number,
                               absl::FunctionRef<void(uint32_t cpu, abi::queue_kind, const abi::wait_sum&)> visit);

  // In words for people: what this kernel's refusals cost.
  std::vector<std::string> Degraded() const;

  // The threads' clocks, which other programs may read; still owned by this. REQUIRES: task storage.
  int ClocksFd() const;
  // Clocks of another epoch are not right (bpf/lib/thread_clock.bpf.h).
  uint32_t ClockEpoch() const;

  RingReader& Ring() { return *ring_; }
  // Adds this object's counts, by abi::counter, to `sums`.
  absl::Status AddCounters(std::vector<uint64_t>& sums) const;
  const bpf_object* Object() const;

 private:
  SchedPrograms() = default;
  absl::Status TryLoad(const Features& features, const UnwindMaps& unwind_maps, bool with_lock);
  absl::Status IterateThreads(absl::FunctionRef<void(const abi::thread_record&)> visit,
                              absl::FunctionRef<void()> between_reads);

  sched_bpf* skeleton_ = nullptr;
  bool has_lock_ = true;
  uint64_t last_beat_ns_ = 0;
  bpf_link* iterator_ = nullptr;
  bpf_link* looker_ = nullptr;
  ProgramLinks watch_;  // of the other side
  SliceMaps wakers_, counterparts_;
  uint32_t watches_begun_ = 0;
  uint32_t chain_watches_begun_ = 0;
  std::unique_ptr<RingReader> ring_;
};

}  // namespace sonde::kernel
