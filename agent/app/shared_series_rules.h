#pragma once

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/aggregate/series_book.h"

namespace sonde::app {

// How processes come to series, which may change while the agent runs. Thread-safe.
class SharedSeriesRules {
 public:
  // Whoever has got it keeps it.
  std::shared_ptr<const aggregate::SeriesRules> Get() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return rules_;
  }
  void Set(aggregate::SeriesRules rules) ABSL_LOCKS_EXCLUDED(mutex_) {
    auto next = std::make_shared<const aggregate::SeriesRules>(std::move(rules));
    absl::MutexLock lock(&mutex_);
    rules_ = std::move(next);
  }

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<const aggregate::SeriesRules> rules_ ABSL_GUARDED_BY(mutex_) =
      std::make_shared<const aggregate::SeriesRules>();
};

}  // namespace sonde::app
