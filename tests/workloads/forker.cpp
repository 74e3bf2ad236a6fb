// forker REPORT SECONDS PROGRAM: forks and executes PROGRAM some twenty times a second. Each child's own numbers are
// read when it is dead and not yet buried: they are final then.
#include <sys/resource.h>
#include <sys/wait.h>

#include "known_time.h"

namespace {

using namespace sonde::workloads;

struct Children {
  std::string pids;
  Schedstat sum;
  uint64_t rusage_ns = 0;
};

uint64_t Nanoseconds(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_usec) * 1'000;
}

void RunOne(const char* program, Children* children) {
  pid_t child = ::fork();
  if (child == 0) {
    ::execl(program, program, nullptr);
    ::_exit(127);
  }
  siginfo_t info{};
  rusage usage{};
  if (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0) std::abort();
  const Schedstat dead = ReadSchedstat(("/proc/" + std::to_string(child) + "/schedstat").c_str());
  if (::wait4(child, nullptr, 0, &usage) != child || info.si_status != 0) std::abort();
  children->pids += (children->pids.empty() ? "" : ", ") + std::to_string(child);
  children->sum.cpu_ns += dead.cpu_ns;
  children->sum.run_queue_ns += dead.run_queue_ns;
  children->rusage_ns += Nanoseconds(usage.ru_utime) + Nanoseconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  constexpr timespec kPause{0, 40'000'000};
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  Children children;
  while (MonotonicNs() < deadline_ns) {
    RunOne(argv[3], &children);
    ::nanosleep(&kPause, nullptr);
  }
  return Report(argv[1], ReportOf(start_ns, Workers{}) + ", \"children\": [" + children.pids + "], " +
                             Entry("children_cpu_ns", children.sum.cpu_ns) + ", " +
                             Entry("children_run_queue_ns", children.sum.run_queue_ns) + ", " +
                             Entry("children_rusage_ns", children.rusage_ns));
}
