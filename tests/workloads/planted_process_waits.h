#pragma once

#include <linux/io_uring.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "planted_reasons.h"

// Waits for time, signals and children.
namespace planted {

[[gnu::noinline]] inline void SleepForAWhile() { Nap(kDelayNs); }
[[gnu::noinline]] inline void WaitForChild(pid_t child) { ::waitpid(child, nullptr, 0); }
[[gnu::noinline]] inline void WaitForSignal(const sigset_t* set) {
  const timespec length{0, static_cast<long>(kDelayNs)};
  ::sigtimedwait(set, nullptr, &length);
}
[[gnu::noinline]] inline void StopUntilContinued() { ::kill(::getpid(), SIGSTOP); }
[[gnu::noinline]] inline void WaitForRing(int ring) {
  ::syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
}

// A child that stops itself and measures it, in memory that it shares with us.
inline void StopRound(Meter* meter) {
  auto* shared =
      static_cast<Meter*>(::mmap(nullptr, sizeof(Meter), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t child = ::fork();
  if (child == 0) {
    Nap(1'000'000);
    shared->Measure(StopUntilContinued);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, WUNTRACED);
  Nap(kDelayNs);
  ::kill(child, SIGCONT);
  ::waitpid(child, nullptr, 0);
  meter->blocked_ns += shared->blocked_ns;
  meter->longest_ns = std::max(meter->longest_ns, shared->longest_ns);
  meter->switches += shared->switches;
  ::munmap(shared, sizeof(Meter));
}

// The least of io_uring that can wait: one ring with room for one time-out at once.
class Ring {
 public:
  Ring() : fd_(static_cast<int>(::syscall(SYS_io_uring_setup, 1, &parameters_))) {
    if (fd_ < 0) return;
    submissions_ = Map(parameters_.sq_off.array + sizeof(uint32_t), IORING_OFF_SQ_RING);
    completions_ = Map(parameters_.cq_off.cqes + 2 * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    entries_ = reinterpret_cast<io_uring_sqe*>(Map(sizeof(io_uring_sqe), IORING_OFF_SQES));
  }
  bool IsThere() const { return fd_ >= 0; }

  void Round(Meter* meter) {
    const __kernel_timespec length{0, static_cast<long long>(kDelayNs)};
    *entries_ = {};
    entries_->opcode = IORING_OP_TIMEOUT;
    entries_->addr = reinterpret_cast<uint64_t>(&length);
    entries_->len = 1;
    At(submissions_, parameters_.sq_off.array) = 0;
    __atomic_fetch_add(&At(submissions_, parameters_.sq_off.tail), 1, __ATOMIC_RELEASE);
    ::syscall(SYS_io_uring_enter, fd_, 1, 0, 0, nullptr, 0);
    meter->Measure(WaitForRing, fd_);
    __atomic_fetch_add(&At(completions_, parameters_.cq_off.head), 1, __ATOMIC_RELEASE);
  }

 private:
  char* Map(size_t size, off_t offset) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_, offset);
    if (memory == MAP_FAILED) std::abort();
    return static_cast<char*>(memory);
  }
  static uint32_t& At(char* ring, uint32_t offset) { return *reinterpret_cast<uint32_t*>(ring + offset); }

  io_uring_params parameters_{};
  int fd_;
  char* submissions_ = nullptr;
  char* completions_ = nullptr;
  io_uring_sqe* entries_ = nullptr;
};

inline void AddTimerWaits(std::vector<Case>* cases) {
  cases->push_back({"SleepForAWhile", "sleep", [](Meter* meter) { meter->Measure(SleepForAWhile); }});
  cases->push_back({"WaitForSignal", "idle-signal", [](Meter* meter) {
                      sigset_t set;
                      ::sigemptyset(&set);
                      ::sigaddset(&set, SIGUSR1);
                      meter->Measure(WaitForSignal, static_cast<const sigset_t*>(&set));
                    }});
  auto ring = std::make_shared<Ring>();
  if (ring->IsThere()) cases->push_back({"WaitForRing", "io-uring", [ring](Meter* meter) { ring->Round(meter); }});
}

inline void AddChildWaits(std::vector<Case>* cases) {
  cases->push_back({"WaitForChild", "child", [](Meter* meter) {
                      const pid_t child = ::fork();
                      if (child == 0) {
                        Nap(kDelayNs);
                        ::_exit(0);
                      }
                      meter->Measure(WaitForChild, child);
                    }});
  cases->push_back({"StopUntilContinued", "stopped", StopRound});
}

}  // namespace planted
