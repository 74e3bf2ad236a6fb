#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/aggregate/window.h"
#include "agent/app/capture_thread.h"
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
  using Deliver = std::function<void(const profile::EncodedProfile&)>;

  // All pointers must outlive it.
  Pipeline(SharedSymbolizer* symbolizer, telemetry::LossLedger* losses, StatusBoard* board, Deliver deliver);
  ~Pipeline();  // as Stop()

  void Start();
  // Takes a slice; never waits. A slice that finds the queue full is lost and counted. Thread-safe.
  void Push(CutSlice slice);
  // Works off what is queued, then joins. Idempotent.
  void Stop();

 private:
  void Run();
  void Take(const CutSlice& slice);
  void CloseWindow();
  void PublishAccount();
  std::vector<std::string> LossComments();

  SharedSymbolizer* const symbolizer_;
  telemetry::LossLedger* const losses_;
  StatusBoard* const board_;
  const Deliver deliver_;
  base::BoundedQueue<CutSlice> queue_;

  // Of the thread alone.
  std::unique_ptr<aggregate::Window> window_;
  std::vector<telemetry::Loss> told_losses_;
  uint64_t windows_ = 0;
  uint64_t sequence_ = 0;

  std::thread thread_;
};

}  // namespace sonde::app
