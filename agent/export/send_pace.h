#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace sonde::exporting {

// So many bytes a second, and after a pause what kBurst holds at once. Of one thread.
class SendPace {
 public:
  static constexpr absl::Duration kBurst = absl::Seconds(2);

  // REQUIRES: bytes_per_second > 0.
  explicit SendPace(int64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  // Books `bytes` that were sent at `now` (any clock that never steps back): how long to wait before the next.
  absl::Duration Book(int64_t bytes, absl::Time now) {
    booked_until_ = std::max(booked_until_, now - kBurst) + absl::Seconds(bytes) / bytes_per_second_;
    return std::max(booked_until_ - now, absl::ZeroDuration());
  }

 private:
  const int64_t bytes_per_second_;
  absl::Time booked_until_ = absl::InfinitePast();
};

}  // namespace sonde::exporting
