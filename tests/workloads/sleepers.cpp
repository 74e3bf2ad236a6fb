// sleepers REPORT SECONDS: threads that sleep from half a millisecond to a second at a time, and do a little between.
#include <algorithm>

#include "worker_threads.h"

namespace {

using namespace sonde::workloads;

constexpr uint64_t kNaps[] = {500'000, 3'000'000, 20'000'000, 110'000'000, 1'000'000'000};
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
  if (argc != 3) return 2;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  Workers workers;
  RunThreads(std::size(kNaps), &workers, [&](size_t i) { SleepUntil(deadline_ns, kNaps[i]); });
  return Report(argv[1], ReportOf(start_ns, workers));
}
