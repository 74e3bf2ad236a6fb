// planted_waits REPORT SECONDS: waits in functions with known names, and reports for each how long it was off the CPU:
// the time on the clock less the thread's CPU time. The system calls are made right there, because the C library's
// wrappers keep no frame pointer.
#include <sys/syscall.h>

#include <algorithm>

#include "worker_threads.h"

namespace planted {

using sonde::workloads::MonotonicNs;
using sonde::workloads::ThreadCpuNs;

[[gnu::always_inline]] inline long SystemCall(long number, long first, long second, long third) {
  long result;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
  return result;
}

[[gnu::always_inline]] inline void Nap(uint64_t ns) {
  const timespec length{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  SystemCall(SYS_nanosleep, reinterpret_cast<long>(&length), 0, 0);
}

[[gnu::noinline]] void NapSixty() { Nap(60'000'000); }
[[gnu::noinline]] void NapThirty() { Nap(30'000'000); }
[[gnu::noinline]] void NapTen() { Nap(10'000'000); }

// The same leaf for two callers.
[[gnu::noinline]] void SharedNap(uint64_t ns) { Nap(ns); }
[[gnu::noinline]] void FirstCaller() { SharedNap(70'000'000); }
[[gnu::noinline]] void SecondCaller() { SharedNap(30'000'000); }

// The same for callers so far up that the top of the stack is the same for both.
[[gnu::noinline]] void NapFarBelow(uint64_t ns, int frames) {
  if (frames == 0) return Nap(ns);
  NapFarBelow(ns, frames - 1);
  asm volatile("");  // a true call
}
[[gnu::noinline]] void FarFirstCaller() { NapFarBelow(7'000'000, 40); }
[[gnu::noinline]] void FarSecondCaller() { NapFarBelow(13'000'000, 40); }

[[gnu::noinline]] void Innermost() { Nap(25'000'000); }
[[gnu::noinline]] void Middle() { Innermost(); }
[[gnu::noinline]] void Outermost() { Middle(); }

int pipe_ends[2];
[[gnu::noinline]] void ReadFromPipe() {
  char byte;
  SystemCall(SYS_read, pipe_ends[0], reinterpret_cast<long>(&byte), 1);
}
[[gnu::noinline]] void FeedPipe() {
  Nap(15'000'000);
  SystemCall(SYS_write, pipe_ends[1], reinterpret_cast<long>("x"), 1);
}

struct Wait {
  const char* name;
  void (*wait)();
  uint64_t off_cpu_ns = 0;
};

void WaitInTurn(uint64_t deadline_ns, Wait* waits, size_t count) {
  while (MonotonicNs() < deadline_ns) {
    for (Wait* wait = waits; wait != waits + count; ++wait) {
      const uint64_t start_ns = MonotonicNs(), start_cpu_ns = ThreadCpuNs();
      wait->wait();
      wait->off_cpu_ns += MonotonicNs() - start_ns - (ThreadCpuNs() - start_cpu_ns);
    }
  }
}

}  // namespace planted

int main(int argc, char** argv) {
  using namespace sonde::workloads;
  if (argc != 3 || ::pipe(planted::pipe_ends) != 0) return 2;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  std::vector<std::vector<planted::Wait>> threads = {
      {{"planted::NapSixty", planted::NapSixty},
       {"planted::NapThirty", planted::NapThirty},
       {"planted::NapTen", planted::NapTen}},
      {{"planted::FirstCaller", planted::FirstCaller}, {"planted::SecondCaller", planted::SecondCaller}},
      {{"planted::FarFirstCaller", planted::FarFirstCaller}, {"planted::FarSecondCaller", planted::FarSecondCaller}},
      {{"planted::Outermost", planted::Outermost}},
      {{"planted::ReadFromPipe", planted::ReadFromPipe}},
      {{"planted::FeedPipe", planted::FeedPipe}}};
  planted::Nap(UntilMappingsAreKnownNs());
  Workers workers;
  RunThreads(threads.size(), &workers, [&](size_t i) {
    planted::WaitInTurn(deadline_ns, threads[i].data(), threads[i].size());
    if (i + 1 == threads.size()) ::close(planted::pipe_ends[1]);  // who still reads gets the end of the file
  });
  std::string report = ReportOf(start_ns, workers);
  for (const auto& waits : threads) {
    for (const planted::Wait& wait : waits) report += ", " + Entry(wait.name, wait.off_cpu_ns);
  }
  return Report(argv[1], report);
}
