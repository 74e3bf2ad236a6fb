#include "absl/time/clock.h"

#include <sched.h>
#include <sys/timex.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agentctl/doctor/host_checks.h"
#include "base/clock.h"
#include "base/read_file.h"

namespace sonde::agentctl {
namespace {

using State = base::Finding::State;

constexpr char kSource[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
constexpr absl::Duration kWatched = absl::Milliseconds(100);
constexpr int64_t kStepNs = 10'000'000;  // no slewing comes near it in that time
constexpr int kRounds = 20;
// Read by a register of a device, or as coarse as ticks.
constexpr std::array<const char*, 4> kSlowSources = {"hpet", "acpi_pm", "jiffies", "refined-jiffies"};

// How far the wall clock is ahead of the monotonic one; the best of some readings, so that being off the CPU between
// two of them does not matter.
int64_t WallOffsetNs() {
  int64_t offset = 0;
  uint64_t best = std::numeric_limits<uint64_t>::max();
  for (int i = 0; i < kRounds; ++i) {
    const uint64_t before = base::MonotonicNs();
    const int64_t wall = base::WallNs();
    const uint64_t took = base::MonotonicNs() - before;
    if (took >= best) continue;
    best = took;
    offset = wall - static_cast<int64_t>(before + took / 2);
  }
  return offset;
}

// How often time was earlier on a CPU than on the one before it.
uint64_t BackwardSteps() {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 0;
  uint64_t steps = 0, last = base::MonotonicNs();
  for (int round = 0; round < kRounds; ++round) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      if (::sched_setaffinity(0, sizeof(one), &one) != 0) continue;
      const uint64_t now = base::MonotonicNs();
      steps += now < last ? 1 : 0;
      last = now;
    }
  }
  ::sched_setaffinity(0, sizeof(allowed), &allowed);
  return steps;
}

}  // namespace

base::Findings JudgeClock(const ClockReading& reading) {
  base::Findings findings;
  if (reading.backward_steps > 0) {
    findings.push_back({"clock", State::kFailed,
                        absl::StrCat("the monotonic clock went back ", reading.backward_steps, " times"),
                        absl::StrCat("the clock source ", reading.source,
                                     " is not the same on all CPUs: boot with another (clocksource=)")});
  }
  if (reading.can_be_told && !reading.is_synchronised) {
    findings.push_back({"clock", State::kWarning,
                        "it is not synchronised: windows of several hosts do not fit together, and certificates may "
                        "seem to have expired",
                        "run chrony, systemd-timesyncd or ntpd"});
  }
  if (std::abs(reading.step_ns) > kStepNs) {
    findings.push_back(
        {"clock", State::kWarning,
         absl::StrFormat("it was set by %.3f s while this looked", static_cast<double>(reading.step_ns) / 1e9),
         "have one program alone set it, by slewing"});
  }
  if (std::ranges::find(kSlowSources, reading.source) != kSlowSources.end()) {
    findings.push_back({"clock", State::kWarning,
                        absl::StrCat("its source is ", reading.source,
                                     ", which takes long to read: the agent reads it at every switch"),
                        "look in the kernel's log why tsc was given up"});
  }
  if (!findings.empty()) return findings;
  return {{"clock", State::kOk,
           absl::StrCat(reading.can_be_told ? "it is synchronised" : "whether it is synchronised cannot be told here",
                        ", and its source is ", reading.source.empty() ? "not known" : reading.source)}};
}

base::Findings CheckClock(const std::string& root) {
  ClockReading reading;
  timex kernel{};
  const int state = ::adjtimex(&kernel);
  reading.can_be_told = state >= 0;
  reading.is_synchronised = state != TIME_ERROR && (kernel.status & STA_UNSYNC) == 0;
  const int64_t before = WallOffsetNs();
  absl::SleepFor(kWatched);
  reading.step_ns = WallOffsetNs() - before;
  reading.backward_steps = BackwardSteps();
  const absl::StatusOr<std::string> source = base::ReadFile(root + kSource, 256);
  if (source.ok()) reading.source = std::string(absl::StripAsciiWhitespace(*source));
  return JudgeClock(reading);
}

}  // namespace sonde::agentctl
