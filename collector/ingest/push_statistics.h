#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/latency_histogram.h"

namespace sonde::ingest {

// What became of a push; a closed list.
enum class PushOutcome {
  kStored,
  kDuplicate,    // stored before: a resend
  kEmpty,        // a client that asks whether it is let in
  kBadKey,       // instance or sequence is no such thing
  kBadMessage,   // no push at all
  kBadProfile,   // labels or profiles that are none, or too large
  kBusy,         // as many wait as may, or the collector stops: the client tries again
  kStoreFailed,  // the disk is full or fails: the client tries again
  kCancelled,    // the client did not wait
  kStranger,     // without the token
  kOverQuota,    // its sender has pushed what it may in a minute
};
inline constexpr size_t kPushOutcomes = static_cast<size_t>(PushOutcome::kOverQuota) + 1;

// "stored", "bad_key".
std::string_view OutcomeName(PushOutcome outcome);

struct PushCounts {
  std::array<uint64_t, kPushOutcomes> outcomes{};  // by PushOutcome
  uint64_t bytes = 0;                              // of all messages, as they came
  uint64_t profiles = 0;                           // stored
  uint64_t samples = 0;                            // in these
  uint64_t in_flight = 0;                          // not yet answered
  base::LatencyHistogram::Counts durations;        // from arrival to answer, of all that waited their turn
};

// Counts pushes since the start. Thread-safe.
class PushStatistics {
 public:
  // A push of `bytes` is here; Settle() or Refuse() follows.
  void Arrive(size_t bytes) ABSL_LOCKS_EXCLUDED(mutex_);
  // It was turned away before it had its turn.
  void Refuse(PushOutcome outcome) ABSL_LOCKS_EXCLUDED(mutex_);
  // It is answered; with what was stored, if it was.
  void Settle(PushOutcome outcome, absl::Duration took, size_t profiles = 0, size_t samples = 0)
      ABSL_LOCKS_EXCLUDED(mutex_);

  PushCounts Counts() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  PushCounts counts_ ABSL_GUARDED_BY(mutex_);  // but the durations
  base::LatencyHistogram durations_;
};

}  // namespace sonde::ingest
