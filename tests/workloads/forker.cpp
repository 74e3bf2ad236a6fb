// forker REPORT SECONDS PROGRAM: forks and executes PROGRAM some twenty times a second. Each child's own numbers are
// read when it is dead and not yet buried, and has had time to leave its CPU: they are final then.
#include <sys/resource.h>
#include <sys/wait.h>

#include "known_time.h"

namespace {

using namespace sonde::workloads;

uint64_t Nanoseconds(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_usec) * 1'000;
}

// [pid, time on a CPU and in the run queue by schedstat, time on a CPU by rusage]
std::string RunOne(const char* program) {
  constexpr timespec kPause{0, 40'000'000};
  pid_t child = ::fork();
  if (child == 0) {
    ::execl(program, program, nullptr);
    ::_exit(127);
  }
  siginfo_t info{};
  rusage usage{};
  if (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0) std::abort();
  ::nanosleep(&kPause, nullptr);
  const Schedstat dead = ReadSchedstat(("/proc/" + std::to_string(child) + "/schedstat").c_str());
  if (::wait4(child, nullptr, 0, &usage) != child || info.si_status != 0) std::abort();
  return "[" + std::to_string(child) + ", " + std::to_string(dead.cpu_ns) + ", " + std::to_string(dead.run_queue_ns) +
         ", " + std::to_string(Nanoseconds(usage.ru_utime) + Nanoseconds(usage.ru_stime)) + "]";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const uint64_t start_ns = MonotonicNs(), deadline_ns = DeadlineNs(argv[2]);
  std::string children;
  while (MonotonicNs() < deadline_ns) children += (children.empty() ? "" : ", ") + RunOne(argv[3]);
  return Report(argv[1], ReportOf(start_ns, Workers{}) + ", \"children\": [" + children + "]");
}
