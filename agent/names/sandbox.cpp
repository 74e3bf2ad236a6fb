#include "agent/names/sandbox.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>

#include "agent/names/syscall_filter.h"

namespace sonde::names {
namespace {

constexpr rlim_t kMaxMemory = rlim_t{512} << 20;
constexpr rlim_t kMaxDescriptors = 1'024;
constexpr time_t kMaxSeconds = 30;

void SetLimit(int what, rlim_t limit) {
  const rlimit both{limit, limit};
  // Lowering one's own limits is refused to nobody; what stands lower already stays.
  ::setrlimit(static_cast<__rlimit_resource_t>(what), &both);
}

void LimitResources() {
#if !defined(SONDE_SANITIZED_ADDRESS) && !defined(SONDE_SANITIZED_THREAD)  // whose shadows take terabytes of addresses
  SetLimit(RLIMIT_AS, kMaxMemory);
#endif
  SetLimit(RLIMIT_CORE, 0);
  SetLimit(RLIMIT_FSIZE, 0);
  SetLimit(RLIMIT_NOFILE, kMaxDescriptors);
  SetLimit(RLIMIT_NPROC, 0);
}

void DieBeforeOthers() {
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  constexpr std::array kMost = {'1', '0', '0', '0'};
  [[maybe_unused]] const ssize_t written = ::write(file, kMost.data(), kMost.size());
  ::close(file);
}

// The inheritable ones give nothing to anybody under no_new_privs.
bool HasCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return true;
  for (const auto& set : sets) {
    if ((set.effective | set.permitted) != 0) return true;
  }
  return false;
}

// A service's filter may end who calls capset(2): it is not called where there is nothing to give up.
bool DropCapabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (!HasCapabilities()) return true;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return ::syscall(SYS_capset, &header, none.data()) == 0 && !HasCapabilities();
}

// A set of rules that handles everything and allows nothing. The kernel's header of Debian 12 knows the first three
// generations; what came later (devices' ioctl, TCP) needs open(2) or socket(2), which the filter refuses.
bool DenyFileSystem() {
  const long generation = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (generation < 1) return false;
  landlock_ruleset_attr rules{};
  rules.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (generation >= 2) rules.handled_access_fs |= LANDLOCK_ACCESS_FS_MAKE_SYM << 1;  // moving between folders
  if (generation >= 3) rules.handled_access_fs |= LANDLOCK_ACCESS_FS_MAKE_SYM << 2;  // truncating
  const long set = ::syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules.handled_access_fs), 0);
  if (set < 0) return false;
  const bool is_denied = ::syscall(SYS_landlock_restrict_self, set, 0) == 0;
  ::close(static_cast<int>(set));
  return is_denied;
}

void SetTimers(time_t cpu_seconds, time_t seconds) {
  const itimerval cpu{{0, 0}, {cpu_seconds, 0}}, wall{{0, 0}, {seconds, 0}};
  ::setitimer(ITIMER_PROF, &cpu, nullptr);
  ::setitimer(ITIMER_REAL, &wall, nullptr);
}

}  // namespace

absl::StatusOr<Hello> EnterSandbox() {
  Hello hello;
  DieBeforeOthers();
  LimitResources();
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // Whoever started us may have ignored or blocked them.
  for (const int number : {SIGPROF, SIGALRM}) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  hello.has_no_capabilities = DropCapabilities();
  hello.has_no_new_privileges = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  hello.has_landlock = hello.has_no_new_privileges && DenyFileSystem();
  hello.has_seccomp = hello.has_no_new_privileges && EnterSyscallFilter();
  if (!hello.has_no_capabilities) return absl::FailedPreconditionError("capabilities could not be given up");
  if (!hello.has_seccomp) return absl::FailedPreconditionError("the kernel refuses a seccomp filter");
  return hello;
}

void BeginWork(int cpu_seconds) { SetTimers(cpu_seconds, kMaxSeconds); }
void EndWork() { SetTimers(0, 0); }

}  // namespace sonde::names
