// thread_churn REPORT SECONDS RATE: starts RATE threads a second, which end at once.
#include <algorithm>

#include "worker_threads.h"

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 4) return 2;
  constexpr uint64_t kTickNs = 20'000'000, kRounds = 10'000;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  const uint64_t rate = std::strtoul(argv[3], nullptr, 10);
  Workers workers;
  uint64_t exited = 0;
  for (uint64_t now = start_ns; now < deadline_ns; now = MonotonicNs()) {
    // What is due by now: after a wait for a CPU it is more, so that the rate holds.
    uint64_t due = (now - start_ns) * rate / 1'000'000'000 - exited;
    RunThreads(std::min<uint64_t>(due, 1000), &workers, [](size_t) { Burn(kRounds); });
    exited += std::min<uint64_t>(due, 1000);
    timespec tick{0, static_cast<long>(kTickNs)};
    ::nanosleep(&tick, nullptr);
  }
  return Report(argv[1], ReportOf(start_ns, workers) + ", " + Entry("exited", exited));
}
