#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "agent/aggregate/window.h"
#include "agent/app/code_tables.h"
#include "agent/app/overhead.h"
#include "agent/app/program_statistics.h"
#include "agent/app/recent_slices.h"
#include "agent/app/status_board.h"
#include "agent/capture/capture.h"
#include "agent/process/process_table.h"

namespace sonde::app {

// A slice on its way to the pipeline.
struct CutSlice {
  std::shared_ptr<const model::Slice> slice;
  bool ends_window = false;
};

// Owns the thread "sonde-capture", on which everything lives that touches the kernel side or /proc. Cuts slices at
// window boundaries of the wall clock, at least every ten seconds, and whenever somebody wants to measure from now on.
class CaptureThread {
 public:
  struct Options {
    kernel::Features features;
    uint32_t sampling_hz = 99;
    kernel::EventsByCpu* clocks = nullptr;  // as of capture::Capture; until Start() returns
    absl::Duration window = absl::Seconds(60);
    std::string node;
    model::LabelSettings labels;
    const model::PodDirectory* pods = nullptr;  // null: none
    double overhead_budget = 0;                 // a share of the whole machine; 0: none
    std::function<uint64_t()> worker_cpu_ns = [] {
      return uint64_t{0};
    };  // of processes that work for the agent; any thread
  };
  using Sink = std::function<void(CutSlice)>;           // called on the thread
  using OnFailure = std::function<void(absl::Status)>;  // called once, on the thread, which then ends

  // All pointers must outlive it.
  CaptureThread(Options options, CodeTables* code, telemetry::LossLedger* losses, StatusBoard* board, Sink sink,
                OnFailure on_failure);
  ~CaptureThread();  // as Stop()

  // Returns once every thread of the host is accounted for, or with the reason why it cannot be.
  absl::Status Start();
  // Cuts what there is as the last slice, detaches from the kernel and joins. Idempotent.
  void Stop();

  // Another budget, a share of the whole machine, within ten seconds or so. Thread-safe.
  void SetOverheadBudget(double budget) { overhead_budget_.store(budget, std::memory_order_relaxed); }

  // When the thread last came round (monotonic), which it does several times a second unless it is stuck; 0: it has not
  // begun. Thread-safe.
  uint64_t LastTurnNs() const { return last_turn_ns_.load(std::memory_order_relaxed); }

  // What is looked at only while somebody wants it.
  struct OnRequest {
    bool other_side = false;   // of waits: who ended them, peers and locks
    bool chains = false;       // and, beside that, how who ended them came to do so
    bool connections = false;  // of TCP
    bool disks = false;        // requests to block devices
    bool saturation = false;   // queues of CPUs, quotas, pressure
    uint32_t command = 0;      // only this process and all that it and they fork from now on; 0: every process
  };

  // Measures this host for `length` from now on. Thread-safe; blocks. kCancelled when `cancelled` or stopped.
  absl::StatusOr<std::unique_ptr<aggregate::Window>> Measure(absl::Duration length, OnRequest wanted,
                                                             const std::function<bool()>& cancelled);

  // Where the threads of process `tgid` (0: of all) are now. Thread-safe; blocks for an instant. Errors as of
  // Measure().
  absl::StatusOr<model::ThreadDump> LookAtThreads(uint32_t tgid, const std::function<bool()>& cancelled);

  // Measures `wanted.command` from now on until `is_over`; calls `begun` as soon as that has begun. As Measure()
  // otherwise.
  absl::StatusOr<std::unique_ptr<aggregate::Window>> MeasureUntil(const std::function<bool()>& is_over,
                                                                  OnRequest wanted, const std::function<void()>& begun,
                                                                  const std::function<bool()>& cancelled);

  struct Past {
    std::unique_ptr<aggregate::Window> window;
    std::vector<telemetry::Loss> losses_before;                // all that was lost when it began
    std::optional<std::vector<telemetry::Loss>> losses_after;  // and when it ended; nullopt: that is now
  };
  // The last `length` up to now or, with `before`, up to so long ago, as far as it is kept; some seconds more, since it
  // begins where a slice does. What is looked at only on request is in it where somebody wanted it. Thread-safe; blocks
  // for an instant. Errors as of Measure(); kNotFound when nothing is kept of it.
  absl::StatusOr<Past> LookBack(absl::Duration length, absl::Duration before, const std::function<bool()>& cancelled);

 private:
  struct Measurement {
    absl::Duration length;
    OnRequest wanted;
    bool is_past = false;   // of what was, not from now on
    uint64_t until_ns = 0;  // of the thread alone
    absl::Duration before;  // of the past: up to so long ago
    absl::Duration kept;    // so far back anything is kept
    std::vector<telemetry::Loss> losses_before;
    std::optional<std::vector<telemetry::Loss>> losses_after;
    std::vector<std::shared_ptr<const model::Slice>> slices;
    std::unique_ptr<aggregate::Window> of_command;  // instead of slices, which may be many
    absl::Notification begun, done;
    std::atomic<bool> is_given_up = false;  // nobody waits for it any more
    std::atomic<bool> is_over = false;      // it ends now, however long it was to be
  };

  struct Look {
    uint32_t tgid = 0;
    absl::StatusOr<model::ThreadDump> dump = model::ThreadDump{};
    absl::Notification done;
  };

  // Until the thread has done it; kCancelled when that is not to be.
  absl::Status AwaitThread(absl::Notification* done, const std::function<bool()>& cancelled)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Ask(const std::shared_ptr<Measurement>& measurement) ABSL_LOCKS_EXCLUDED(mutex_);
  // Has the thread work at it, and gives it when it is done.
  absl::StatusOr<std::unique_ptr<aggregate::Window>> Await(std::shared_ptr<Measurement> measurement,
                                                           const std::function<bool()>& cancelled)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Run(absl::Status* started, absl::Notification* is_started);
  absl::Status CaptureUntilStopped(capture::Capture& capture);
  bool AwaitWork() ABSL_LOCKS_EXCLUDED(mutex_);
  void ServeLooks(capture::Capture& capture) ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsCutDue() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Cut(capture::Capture& capture, bool is_last) ABSL_LOCKS_EXCLUDED(mutex_);
  void TakeWaiting() ABSL_LOCKS_EXCLUDED(mutex_);
  void WatchSaturation(capture::Capture& capture);
  void Watch(capture::Capture& capture);
  Usage UsageSoFar(const capture::Capture& capture) const;
  void Govern(capture::Capture& capture);
  void Serve(capture::Capture& capture, const std::shared_ptr<const model::Slice>& slice);
  void Follow(capture::Capture& capture);
  void TellNotFollowed(const absl::Status& status);
  void ServePast(uint64_t now_ns, Measurement* measurement) const;
  void FollowProcesses(const model::Slice& slice, bool ends_window);
  void Publish(const capture::Capture& capture, const model::Slice& slice);

  const Options options_;
  CodeTables* const code_;
  telemetry::LossLedger* const losses_;
  StatusBoard* const board_;
  const Sink sink_;
  const OnFailure on_failure_;

  std::atomic<uint64_t> last_turn_ns_ = 0;
  std::atomic<double> overhead_budget_;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<Measurement>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Look>> looks_ ABSL_GUARDED_BY(mutex_);

  // Of the thread alone.
  process::ProcessTable processes_;
  ProgramStatistics statistics_;
  Overhead overhead_;
  uint64_t judged_readings_ = 0;                        // of statistics_
  std::vector<std::shared_ptr<Measurement>> starting_;  // from the end of the slice that is being cut
  std::vector<std::shared_ptr<Measurement>> active_;
  RecentSlices recent_{{}};
  std::vector<telemetry::Loss> losses_so_far_;  // as the last slice ended
  absl::flat_hash_set<uint32_t> alive_;
  absl::Time next_slice_;
  absl::Time next_window_;

  std::thread thread_;
};

}  // namespace sonde::app
