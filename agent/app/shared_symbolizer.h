#pragma once

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/symbolize/symbolizer.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::app {

// The one symbolizer, whose cache serves the pipeline and whoever measures; one at a time. Thread-safe.
class SharedSymbolizer {
 public:
  explicit SharedSymbolizer(telemetry::LossLedger* losses) : symbolizer_(&worker_, losses) {}

  // Starts the worker, best before there is much to copy: what goes wrong is in WorkerFacts().
  void BeginWorker() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    worker_.Begin().IgnoreError();
  }
  // How it goes with the worker. Waits for nobody.
  symbolize::WorkerFacts WorkerFacts() const { return worker_.Facts(); }
  uint64_t WorkerCpuNs() const { return worker_.CpuNs(); }

  // What `use(&symbolizer)` gives; nobody else has the symbolizer meanwhile. `use` must not come back here.
  template <typename Use>
  auto With(Use use) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return std::move(use)(&symbolizer_);
  }

 private:
  absl::Mutex mutex_;
  symbolize::NameWorker worker_{symbolize::NameWorker::Options()};  // but for Facts(), under the mutex
  symbolize::Symbolizer symbolizer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::app
