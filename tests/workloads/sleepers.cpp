// sleepers REPORT SECONDS [CROWD]: threads that sleep from half a millisecond to a second at a time, and do a little
// between; beside them a CROWD of threads that sleep two seconds at a time.
#include <algorithm>

#include "worker_threads.h"

namespace {

using namespace sonde::workloads;

constexpr uint64_t kNaps[] = {500'000, 3'000'000, 20'000'000, 110'000'000, 1'000'000'000};
constexpr uint64_t kNapOfTheCrowd = 2'000'000'000;
constexpr uint64_t kRounds = 20'000;

void SleepUntil(uint64_t deadline_ns, uint64_t nap_ns) {
  for (uint64_t now = MonotonicNs(); now < deadline_ns; now = MonotonicNs()) {
    uint64_t nap = std::min(nap_ns, deadline_ns - now);
    timespec length{static_cast<time_t>(nap / 1'000'000'000), static_cast<long>(nap % 1'000'000'000)};
    ::nanosleep(&length, nullptr);
    Burn(kRounds);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  Workers workers;
  const size_t crowd = argc == 4 ? std::strtoul(argv[3], nullptr, 10) : 0;
  RunThreads(std::size(kNaps) + crowd, &workers,
             [&](size_t i) { SleepUntil(deadline_ns, i < std::size(kNaps) ? kNaps[i] : kNapOfTheCrowd); });
  return Report(argv[1], ReportOf(start_ns, workers));
}
