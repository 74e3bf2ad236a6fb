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
  explicit SharedSymbolizer(telemetry::LossLedger* losses) : symbolizer_(losses) {}

  // What `use(&symbolizer)` gives; nobody else has the symbolizer meanwhile. `use` must not come back here.
  template <typename Use>
  auto With(Use use) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return std::move(use)(&symbolizer_);
  }

 private:
  absl::Mutex mutex_;
  symbolize::Symbolizer symbolizer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::app
