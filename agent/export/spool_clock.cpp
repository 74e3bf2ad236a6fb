#include "agent/export/spool_clock.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "base/clock.h"
#include "base/read_file.h"

namespace sonde::exporting {

SpoolClock MachineClock() {
  const absl::StatusOr<std::string> boot_id = base::ReadFile("/proc/sys/kernel/random/boot_id", 64);
  return {.wall_ns = base::WallNs,
          .boot_ns = base::BootNs,
          .boot_id = boot_id.ok() ? std::string(absl::StripAsciiWhitespace(*boot_id)) : ""};
}

int64_t BirthOf(const SpoolHeader& header, const SpoolClock& clock) {
  if (!clock.boot_id.empty() && header.boot_id == clock.boot_id) return static_cast<int64_t>(header.boot_ns);
  const int64_t age_ns = clock.wall_ns() - int64_t{header.wall_seconds} * 1'000'000'000;
  return static_cast<int64_t>(clock.boot_ns()) - std::max(int64_t{0}, age_ns);
}

}  // namespace sonde::exporting
