#pragma once

#include <sys/resource.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "worker_threads.h"

namespace planted {

using sonde::workloads::MonotonicNs;
using sonde::workloads::ReadSchedstat;
using sonde::workloads::Schedstat;
using sonde::workloads::ThreadCpuNs;

inline void Nap(uint64_t ns) {
  const timespec length{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &length, nullptr);
}

inline constexpr uint64_t kDelayNs = 10'000'000;

// What the kernel says of the calling thread, all at one instant: read again when the thread lost its CPU meanwhile.
struct ThreadTimes {
  uint64_t clock_ns = 0;
  uint64_t cpu_ns = 0;
  uint64_t run_queue_ns = 0;

  static uint64_t RunQueueNs() { return ReadSchedstat("/proc/thread-self/schedstat").run_queue_ns; }

  static ThreadTimes Now() {
    ThreadTimes times{.run_queue_ns = RunQueueNs()};
    for (;;) {
      times.clock_ns = MonotonicNs();
      times.cpu_ns = ThreadCpuNs();
      const uint64_t after_ns = RunQueueNs();
      if (after_ns == times.run_queue_ns) return times;
      times.run_queue_ns = after_ns;
    }
  }
};

// What blocking calls came to, by the kernel's own books.
struct Meter {
  uint64_t blocked_ns = 0;
  uint64_t longest_ns = 0;  // of blocked_ns, the most in one call
  uint64_t switches = 0;
  uint64_t major_faults = 0;

  static rusage Usage() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return usage;
  }

  // `wait` is a function of its own, which nobody inlines, that does one blocking call.
  template <typename... Parameters, typename... Arguments>
  void Measure(void (*wait)(Parameters...), Arguments... arguments) {
    const ThreadTimes before = ThreadTimes::Now();
    const rusage usage_before = Usage();  // inside: whoever opens a file of /proc may have to wait for it
    wait(arguments...);
    const rusage usage_after = Usage();
    const ThreadTimes after = ThreadTimes::Now();
    switches += static_cast<uint64_t>(usage_after.ru_nvcsw - usage_before.ru_nvcsw);
    major_faults += static_cast<uint64_t>(usage_after.ru_majflt - usage_before.ru_majflt);
    const uint64_t wall_ns = after.clock_ns - before.clock_ns;
    const uint64_t not_blocked_ns = after.cpu_ns - before.cpu_ns + after.run_queue_ns - before.run_queue_ns;
    const uint64_t this_ns = wall_ns - std::min(wall_ns, not_blocked_ns);
    blocked_ns += this_ns;
    longest_ns = std::max(longest_ns, this_ns);
  }
};

struct Case {
  const char* name;    // of the function that blocks
  const char* reason;  // for which it does
  std::function<void(Meter*)> round;
  bool is_outermost = false;  // the thread waits nowhere else
  int peer_port = 0;          // of the peer that it waits for; 0: of none
  Meter meter = {};
};

// Does something a little later, on a thread of its own.
class Later {
 public:
  explicit Later(std::function<void()> action)
      : thread_([action = std::move(action)] {
          Nap(kDelayNs);
          action();
        }) {}
  ~Later() { thread_.join(); }

 private:
  std::thread thread_;
};

}  // namespace planted
