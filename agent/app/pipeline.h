#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "agent/aggregate/window.h"
#include "agent/app/capture_thread.h"
#include "agent/app/shared_series_rules.h"
#include "agent/app/shared_symbolizer.h"
#include "agent/app/status_board.h"
#include "agent/telemetry/loss_ledger.h"
#include "base/bounded_queue.h"
#include "profile/encoded_profile.h"

namespace sonde::app {

// Owns the thread "sonde-pipeline": slices become windows, windows become profiles with names, encoded and given to
// `deliver` (called on the thread).
class Pipeline {
 public:
  using Deliver = std::function<void(profile::EncodedProfile)>;

  // The files that a profile has met; called on the thread.
  using MeetFiles = std::function<void(std::span<const model::ExecutableFilePtr>)>;

  // All pointers must outlive it.
  Pipeline(SharedSymbolizer* symbolizer, telemetry::LossLedger* losses, StatusBoard* board,
           const SharedSeriesRules* series_rules, Deliver deliver, MeetFiles meet_files);
  ~Pipeline();  // as Stop()

  void Start();
  // Takes a slice; never waits. A slice that finds the queue full is lost and counted. Thread-safe.
  void Push(CutSlice slice);
  // Works off what is queued, then joins. Idempotent.
  void Stop();

  // Since when the thread works on one slice (monotonic); 0: it waits for one. Thread-safe.
  uint64_t BusySinceNs() const { return busy_since_ns_.load(std::memory_order_relaxed); }

 private:
  void Run();
  void Take(const CutSlice& slice);
  void CloseWindow();
  size_t DeliverProfiles();
  void PublishAccount();
  std::vector<std::string> LossComments();

  SharedSymbolizer* const symbolizer_;
  telemetry::LossLedger* const losses_;
  StatusBoard* const board_;
  const SharedSeriesRules* const series_rules_;
  const Deliver deliver_;
  const MeetFiles meet_files_;
  base::BoundedQueue<CutSlice> queue_;
  std::atomic<uint64_t> busy_since_ns_ = 0;

  // Of the thread alone.
  std::unique_ptr<aggregate::Window> window_;
  std::vector<telemetry::Loss> told_losses_;
  uint64_t windows_ = 0;
  uint64_t sequence_ = 0;

  std::thread thread_;
};

}  // namespace sonde::app
