// planted_cpu REPORT SECONDS THREADS: spins in functions with known names, and reports what each got by the clock of
// the thread's own CPU time.
#include <random>

#include "worker_threads.h"

namespace planted {

using sonde::workloads::Burn;
using sonde::workloads::ThreadCpuNs;

constexpr uint64_t kRounds = 200'000;

std::atomic<bool> is_over = false;

// Each spins until the thread has had so much CPU time. The clock is read in between, some thousand times a second.
[[gnu::noinline]] void SpinSixty(uint64_t until_ns) {
  while (!is_over && ThreadCpuNs() < until_ns) Burn(kRounds);
}
[[gnu::noinline]] void SpinThirty(uint64_t until_ns) {
  while (!is_over && ThreadCpuNs() < until_ns) Burn(kRounds);
}
[[gnu::noinline]] void SpinTen(uint64_t until_ns) {
  while (!is_over && ThreadCpuNs() < until_ns) Burn(kRounds);
}
[[gnu::noinline]] void CallSpinTen(uint64_t until_ns) { SpinTen(until_ns); }

std::atomic<uint64_t> sixty_ns, thirty_ns, ten_ns;

void Measure(void (*spin)(uint64_t), double share_ns, std::atomic<uint64_t>* sum) {
  const uint64_t start_ns = ThreadCpuNs();
  spin(start_ns + static_cast<uint64_t>(share_ns));
  *sum += ThreadCpuNs() - start_ns;
}

// In turns of a second or so: each turn is long beside the sampling period, so that the samples are spread evenly over
// it, and no two are equally long, so that they do not beat with it.
void SpinUntilOver(size_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed + 1));
  std::uniform_real_distribution<double> turn_ns(0.7e9, 1.3e9);
  while (!is_over) {
    const double turn = turn_ns(random);
    Measure(SpinSixty, turn * 0.6, &sixty_ns);
    Measure(SpinThirty, turn * 0.3, &thirty_ns);
    Measure(CallSpinTen, turn * 0.1, &ten_ns);
  }
}

}  // namespace planted

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 4) return 2;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  Workers workers;
  std::thread clock([deadline_ns] {
    const timespec until{static_cast<time_t>(deadline_ns / 1'000'000'000),
                         static_cast<long>(deadline_ns % 1'000'000'000)};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    planted::is_over = true;
  });
  RunThreads(std::strtoul(argv[3], nullptr, 10), &workers, planted::SpinUntilOver);
  clock.join();
  return Report(argv[1], ReportOf(start_ns, workers) + ", " + Entry("planted::SpinSixty", planted::sixty_ns) + ", " +
                             Entry("planted::SpinThirty", planted::thirty_ns) + ", " +
                             Entry("planted::SpinTen", planted::ten_ns));
}
