#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/kernel/side_band.h"
#include "agent/process/mapping_tracker.h"
#include "agent/telemetry/loss_ledger.h"
#include "agent/unwind/unwinder.h"
#include "base/unique_fd.h"

namespace sonde::app {

// Owns the thread "sonde-process", which takes what processes do to their executable memory from the kernel to the
// unwinding tables, within ten milliseconds when the thread gets to run.
class ProcessFollower {
 public:
  // `unwinder` and `losses` must outlive this, and nobody else may tell `unwinder` of mappings meanwhile.
  ProcessFollower(process::MappingTrackerOptions options, unwind::Unwinder* unwinder, telemetry::LossLedger* losses);
  ~ProcessFollower();  // as Stop()

  // Returns once the mappings of all processes are in the maps and the tables of their files are queued; or why they
  // cannot be: kPermissionDenied, kUnimplemented as of SideBand, which gets `records`.
  absl::Status Start(kernel::EventsByCpu records = {});
  // Joins the thread. What is in the maps stays. Idempotent.
  void Stop();

  // A walk has met an address of this process that no mapping explains: reads it again when it was not read lately.
  // Thread-safe; requests beyond a bound are dropped, since a walk that still misses will ask again.
  void RequestRescan(uint32_t tgid) ABSL_LOCKS_EXCLUDED(mutex_);

  // As MappingTracker has it. Thread-safe; waits for a read of a memory map that is under way.
  absl::StatusOr<std::vector<model::Mapping>> MappingsOf(uint32_t tgid) const ABSL_LOCKS_EXCLUDED(tracker_mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for an event, a request or the time to do something; false: to stop.
  bool Await() ABSL_LOCKS_EXCLUDED(mutex_);
  uint64_t NextTickNs() const ABSL_LOCKS_EXCLUDED(tracker_mutex_);
  // False when it is only the time to do something.
  bool AwaitEvent() ABSL_LOCKS_EXCLUDED(tracker_mutex_);
  // Gives what follows the event the time to happen.
  void AwaitBatch() const;
  void Follow() ABSL_LOCKS_EXCLUDED(mutex_, tracker_mutex_);
  void FollowHotplug();
  void PassOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(tracker_mutex_);
  void Wake();

  unwind::Unwinder* const unwinder_;
  telemetry::LossLedger* const losses_;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_set<uint32_t> requests_ ABSL_GUARDED_BY(mutex_);

  mutable absl::Mutex tracker_mutex_;
  process::MappingTracker tracker_ ABSL_GUARDED_BY(tracker_mutex_);

  // Of the thread alone, once it runs.
  std::unique_ptr<kernel::SideBand> band_;
  bool holds_back_ = false;  // events that the side band will not tell of again
  uint64_t last_look_ns_ = 0;
  uint64_t next_hotplug_ns_ = 0;
  uint64_t malformed_ = 0;

  base::UniqueFd wake_;  // an eventfd
  std::thread thread_;
};

}  // namespace sonde::app
