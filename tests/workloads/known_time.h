#pragma once

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// What the kernel itself says about the time of these programs, read from inside. Times are nanoseconds.
namespace sonde::workloads {

inline uint64_t ReadClock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

inline uint64_t MonotonicNs() { return ReadClock(CLOCK_MONOTONIC); }
inline uint64_t ThreadCpuNs() { return ReadClock(CLOCK_THREAD_CPUTIME_ID); }

struct Schedstat {
  uint64_t cpu_ns = 0;
  uint64_t run_queue_ns = 0;
};

// A file of /proc that ends in schedstat: time on a CPU, time runnable but not on one, times it came to one.
inline Schedstat ReadSchedstat(const char* path) {
  char text[128] = {};
  Schedstat read;
  int file = ::open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = ::read(file, text, sizeof(text) - 1);
  ::close(file);
  if (size <= 0 || std::sscanf(text, "%" SCNu64 " %" SCNu64, &read.cpu_ns, &read.run_queue_ns) != 2) {
    std::perror(path);
    std::abort();
  }
  return read;
}

// Of the threads beside the main thread.
struct Workers {
  std::atomic<uint64_t> inside_ns = 0;  // a little less than the sum of their lives
};

// The agent knows a program's mappings some milliseconds after its start, under a sanitizer a second or so; stacks
// before that are cut.
inline uint64_t UntilMappingsAreKnownNs() {
  return std::getenv("SONDE_SANITIZER") != nullptr ? 2'000'000'000 : 300'000'000;
}

inline uint64_t DeadlineNs(const char* seconds) {
  return MonotonicNs() + static_cast<uint64_t>(std::atof(seconds) * 1e9);
}

// Writes `json` to `path`, for the test that started this program.
inline int Report(const char* path, const std::string& json) {
  FILE* file = std::fopen(path, "we");
  if (file == nullptr) {
    std::perror(path);
    return 1;
  }
  std::fprintf(file, "{%s}\n", json.c_str());
  return std::fclose(file) == 0 ? 0 : 1;
}

inline std::string Entry(const std::string& name, uint64_t value) {
  return "\"" + name + "\": " + std::to_string(value);
}

// A report has at least the main thread's life from its first line to here, and the sums of the others.
inline std::string ReportOf(uint64_t main_start_ns, const Workers& workers) {
  return Entry("main_inside_ns", MonotonicNs() - main_start_ns) + ", " + Entry("workers_inside_ns", workers.inside_ns);
}

// Burns CPU time in the caller's own frame.
[[gnu::always_inline]] inline void Burn(uint64_t rounds) {
  for (uint64_t i = 0; i < rounds; ++i) asm volatile("" : "+r"(i));
}

}  // namespace sonde::workloads
