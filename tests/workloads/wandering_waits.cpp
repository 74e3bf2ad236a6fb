// wandering_waits REPORT SECONDS: sleeps in functions with known names, for times that chance picks, each time at
// another depth of the stack: no wait is at a place where its thread was seen before. Reports for each function how
// long it was off the CPU, as planted_waits does, and how often.
#include <alloca.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <array>
#include <random>

#include "worker_threads.h"

namespace planted {

using sonde::workloads::MonotonicNs;
using sonde::workloads::ThreadCpuNs;

[[gnu::always_inline]] inline void Nap(uint64_t ns) {
  const timespec length{0, static_cast<long>(ns)};
  long result;
  asm volatile("syscall" : "=a"(result) : "a"(SYS_nanosleep), "D"(&length), "S"(nullptr) : "rcx", "r11", "memory");
}

[[gnu::noinline]] void NapBriefly() { Nap(60'000); }
[[gnu::noinline]] void NapAWhile() { Nap(150'000); }
[[gnu::noinline]] void NapLong() { Nap(900'000); }
// The same leaf for two callers.
[[gnu::noinline]] void SharedNap(uint64_t ns) { Nap(ns); }
[[gnu::noinline]] void FirstCaller() { SharedNap(100'000); }
[[gnu::noinline]] void SecondCaller() { SharedNap(300'000); }

struct Wait {
  const char* name;
  void (*wait)();
  uint64_t share;  // of a hundred
  uint64_t count = 0;
  uint64_t off_cpu_ns = 0;
};

constexpr std::array<Wait, 5> kWaits = {{{"planted::NapBriefly", NapBriefly, 50},
                                         {"planted::NapAWhile", NapAWhile, 20},
                                         {"planted::NapLong", NapLong, 5},
                                         {"planted::FirstCaller", FirstCaller, 15},
                                         {"planted::SecondCaller", SecondCaller, 10}}};

[[gnu::noinline]] void CallBelow(size_t bytes, void (*wait)()) {
  auto* room = static_cast<volatile char*>(alloca(bytes));
  room[0] = 0;
  wait();
}

// How often this thread left its CPU to wait. A nap that is over before its thread has left the CPU is none.
uint64_t WaitsOfThread() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<uint64_t>(usage.ru_nvcsw);
}

Wait& Pick(std::array<Wait, 5>& waits, uint64_t hundredth) {
  for (Wait& wait : waits) {
    if (hundredth < wait.share) return wait;
    hundredth -= wait.share;
  }
  return waits.back();
}

void Wander(uint64_t deadline_ns, unsigned seed, std::array<Wait, 5>* waits) {
  ::prctl(PR_SET_TIMERSLACK, 1);
  std::minstd_rand chance(seed + 1);
  while (MonotonicNs() < deadline_ns) {
    Wait& wait = Pick(*waits, chance() % 100);
    const size_t bytes = 16 + 16 * (chance() % 2048);
    const uint64_t start_waits = WaitsOfThread(), start_ns = MonotonicNs(), start_cpu_ns = ThreadCpuNs();
    CallBelow(bytes, wait.wait);
    wait.off_cpu_ns += MonotonicNs() - start_ns - (ThreadCpuNs() - start_cpu_ns);
    wait.count += WaitsOfThread() - start_waits;
  }
}

}  // namespace planted

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 3) return 2;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  std::array<std::array<planted::Wait, 5>, 3> threads = {planted::kWaits, planted::kWaits, planted::kWaits};
  Workers workers;
  RunThreads(threads.size(), &workers,
             [&](size_t i) { planted::Wander(deadline_ns, static_cast<unsigned>(i), &threads[i]); });
  std::string report = ReportOf(start_ns, workers);
  for (size_t i = 0; i < planted::kWaits.size(); ++i) {
    uint64_t count = 0, off_cpu_ns = 0;
    for (const auto& waits : threads) {
      count += waits[i].count;
      off_cpu_ns += waits[i].off_cpu_ns;
    }
    report += ", " + Entry(planted::kWaits[i].name, off_cpu_ns) + ", " +
              Entry(std::string(planted::kWaits[i].name) + " count", count);
  }
  return Report(argv[1], report);
}
