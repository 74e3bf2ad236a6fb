// spinners REPORT SECONDS THREADS: threads that never give a CPU away by themselves.
#include "worker_threads.h"

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 4) return 2;
  constexpr uint64_t kRounds = 1'000'000;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  Workers workers;
  RunThreads(std::strtoul(argv[3], nullptr, 10), &workers, [&](size_t) {
    while (MonotonicNs() < deadline_ns) Burn(kRounds);
  });
  return Report(argv[1], ReportOf(start_ns, workers));
}
