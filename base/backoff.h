#pragma once

#include "absl/random/random.h"
#include "absl/time/time.h"

namespace sonde::base {

// How long to wait before the next try: full jitter, uniform in [0, min(cap, initial x 1.6^n)], so that a fleet whose
// collector comes back does not return at one moment. Never below 50 ms, so that no target makes us spin.
// Not thread-safe.
class Backoff {
 public:
  // REQUIRES: 0 < initial <= cap.
  Backoff(absl::Duration initial, absl::Duration cap) : initial_(initial), cap_(cap), bound_(initial) {}

  // The wait after one more failure.
  absl::Duration Next();
  // The wait after an answer that asks for less traffic but not for how long: in the upper half below the bound, which
  // is at least kSlow (or the cap).
  absl::Duration NextSlow();
  // After a success the next failure starts from `initial` again.
  void Reset() { bound_ = initial_; }
  // What the next wait stays below (the floor aside).
  absl::Duration Bound() const { return bound_; }

  static constexpr absl::Duration kSlow = absl::Seconds(30);

 private:
  const absl::Duration initial_;
  const absl::Duration cap_;
  absl::Duration bound_;
  absl::BitGen random_;
};

}  // namespace sonde::base
