#include "base/clock.h"

#include <ctime>

namespace sonde::base {
namespace {

int64_t Read(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec;
}

}  // namespace

uint64_t MonotonicNs() { return static_cast<uint64_t>(Read(CLOCK_MONOTONIC)); }
int64_t WallNs() { return Read(CLOCK_REALTIME); }
uint64_t BootNs() { return static_cast<uint64_t>(Read(CLOCK_BOOTTIME)); }

absl::Time NextBoundary(absl::Time now, absl::Duration period) {
  absl::Duration past = (now - absl::UnixEpoch()) % period;
  return now - past + period;
}

}  // namespace sonde::base
