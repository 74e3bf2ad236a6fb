#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace sonde::telemetry {

// One kind of loss: why (closed list of words: "ring_full", "map_full", ...), what was lost, what it means.
struct Loss {
  std::string cause;
  std::string what;
  std::string consequence;
  uint64_t count = 0;
};

// Counts everything lost, refused or cut, by cause, since the agent's start. Thread-safe.
class LossLedger {
 public:
  // Adds `count` (0 changes nothing).
  void Add(const std::string& cause, const std::string& what, const std::string& consequence, uint64_t count)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // All losses so far, sorted by cause and what.
  std::vector<Loss> Snapshot() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  std::map<std::pair<std::string, std::string>, Loss> losses_ ABSL_GUARDED_BY(mutex_);
};

// What came on top of `before` until `after`: the losses of an interval.
std::vector<Loss> LossesSince(const std::vector<Loss>& before, const std::vector<Loss>& after);

}  // namespace sonde::telemetry
