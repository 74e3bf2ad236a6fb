#pragma once

#include <cstdint>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "spdlog/spdlog.h"

namespace sonde::control {

// Logs refused connections, at most one line in ten seconds, so that nobody fills the log by connecting. Not
// thread-safe.
class RefusalLog {
 public:
  void Note(const std::string& why) {
    ++unlogged_;
    const absl::Time now = absl::Now();
    if (now < next_) return;
    spdlog::warn("msg=\"connection refused\" component=control count={} err=\"{}\"", unlogged_, why);
    unlogged_ = 0;
    next_ = now + absl::Seconds(10);
  }

 private:
  absl::Time next_ = absl::InfinitePast();
  uint64_t unlogged_ = 0;
};

}  // namespace sonde::control
