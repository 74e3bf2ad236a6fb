#pragma once

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/control/config.h"

namespace sonde::app {

// What came of reading the settings again.
struct Reloaded {
  int64_t unix_ns = 0;                            // when; 0: that was never done
  std::vector<std::string> taken, wants_restart;  // keys, as control::KeysThatDiffer() names them
  std::string error;                              // why nothing was taken; empty: it was
};

// The settings that are in force, and what came of the last reload. Thread-safe.
class Settings {
 public:
  explicit Settings(control::Config config) : in_force_(std::move(config)) {}

  control::Config InForce() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return in_force_;
  }
  Reloaded Last() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return last_;
  }

  // Puts in force what can be (control::WithReloadable()) of what was `read`; of a file that cannot be used, nothing.
  Reloaded Take(const absl::StatusOr<control::Config>& read) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  control::Config in_force_ ABSL_GUARDED_BY(mutex_);
  Reloaded last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::app
