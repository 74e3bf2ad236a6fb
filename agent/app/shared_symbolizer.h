#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "agent/symbolize/debuginfod.h"
#include "agent/symbolize/symbolizer.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::app {

// The one symbolizer, whose cache serves the pipeline and whoever measures; one at a time. Thread-safe.
class SharedSymbolizer {
 public:
  explicit SharedSymbolizer(telemetry::LossLedger* losses) : symbolizer_(&worker_, losses) {}

  // Has these servers asked for debug files, which are kept within `max_bytes` in `folder`. Call once, before With().
  absl::Status Ask(std::vector<std::string> urls, const std::string& folder, uint64_t max_bytes)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::StatusOr<symbolize::DebugCache> cache = symbolize::DebugCache::Open(folder, max_bytes);
    if (!cache.ok()) return cache.status();
    symbolize::Debuginfod::Options options;
    options.urls = std::move(urls);
    options.max_hourly_bytes = max_bytes;
    debuginfod_ = std::make_unique<symbolize::Debuginfod>(std::move(options), *std::move(cache));
    absl::MutexLock lock(&mutex_);
    symbolizer_.SetDebuginfod(debuginfod_.get());
    return absl::OkStatus();
  }

  // Starts the worker, best before there is much to copy: what goes wrong is in WorkerFacts().
  void BeginWorker() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    worker_.Begin().IgnoreError();
  }
  // How it goes with the worker. Waits for nobody.
  worker::WorkerFacts WorkerFacts() const { return worker_.Facts(); }
  uint64_t WorkerCpuNs() const { return worker_.CpuNs(); }

  // What `use(&symbolizer)` gives; nobody else has the symbolizer meanwhile. `use` must not come back here.
  template <typename Use>
  auto With(Use use) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return std::move(use)(&symbolizer_);
  }

 private:
  absl::Mutex mutex_;
  std::unique_ptr<symbolize::Debuginfod> debuginfod_;               // null: nobody is asked
  symbolize::NameWorker worker_{symbolize::NameWorker::Options()};  // but for Facts(), under the mutex
  symbolize::Symbolizer symbolizer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::app
