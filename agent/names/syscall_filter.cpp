#include "agent/names/syscall_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sonde::names {
namespace {

#if defined(__x86_64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the worker's system calls are not written down for this machine"
#endif

// open(2) is not among them, nor anything that makes a process, a socket or a file.
constexpr std::array kAllowed = {
    SYS_read,      SYS_pread64,         SYS_recvmsg,       SYS_sendmsg,      SYS_close,
    SYS_munmap,    SYS_mremap,          SYS_madvise,       SYS_brk,          SYS_futex,
    SYS_exit,      SYS_exit_group,      SYS_setitimer,     SYS_rt_sigreturn, SYS_rt_sigprocmask,
    SYS_getrandom, SYS_restart_syscall, SYS_clock_gettime, SYS_getpid,       SYS_gettid,
    SYS_tgkill,    SYS_sched_yield};

// Sanitizers look at memory through a pipe, and have handlers of signals on a stack of their own.
#if defined(SONDE_SANITIZED_ADDRESS) || defined(SONDE_SANITIZED_THREAD)
constexpr bool kIsSanitized = true;
constexpr std::array<long, 4> kAllowedToSanitizers = {SYS_pipe2, SYS_sigaltstack, SYS_rt_sigaction, SYS_prctl};
#else
constexpr bool kIsSanitized = false;
constexpr std::array<long, 0> kAllowedToSanitizers = {};
#endif

constexpr unsigned kEnd = SECCOMP_RET_KILL_PROCESS;

// The lower half of an argument, which is its first.
constexpr unsigned ArgumentLow(unsigned index) {
  return static_cast<unsigned>(offsetof(seccomp_data, args) + index * sizeof(uint64_t));
}

class Filter {
 public:
  void Load(unsigned offset) { code_.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); }
  void Return(unsigned verdict) { code_.push_back(BPF_STMT(BPF_RET | BPF_K, verdict)); }
  void SkipUnlessEqual(unsigned value, unsigned char steps) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, steps));
  }
  void SkipUnlessAny(unsigned bits, unsigned char steps) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, steps));
  }
  void SkipIfEqual(unsigned value, unsigned char steps) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, steps, 0));
  }
  template <typename Calls>
  void Allow(const Calls& calls) {
    for (const long call : calls) {
      SkipUnlessEqual(static_cast<unsigned>(call), 1);
      Return(SECCOMP_RET_ALLOW);
    }
  }
  void EndIfAny(unsigned argument, unsigned bits) {
    Load(argument);
    SkipUnlessAny(bits, 1);
    Return(kEnd);
  }

  bool Install() {
    const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

 private:
  std::vector<sock_filter> code_;
};

// Memory that is no file's and never executed.
void AddMemory(Filter* filter) {
  filter->SkipUnlessEqual(SYS_mmap, 7);
  filter->EndIfAny(ArgumentLow(2), PROT_EXEC);
  filter->Load(ArgumentLow(3));
  filter->SkipUnlessAny(MAP_ANONYMOUS, 1);
  filter->Return(SECCOMP_RET_ALLOW);
  filter->Return(kEnd);

  filter->SkipUnlessEqual(SYS_mprotect, 4);
  filter->EndIfAny(ArgumentLow(2), PROT_EXEC);
  filter->Return(SECCOMP_RET_ALLOW);
}

// What it says as it dies of an error of its own.
void AddLastWords(Filter* filter) {
  for (const long call : {SYS_write, SYS_writev}) {
    filter->SkipUnlessEqual(static_cast<unsigned>(call), 4);
    filter->Load(ArgumentLow(0));
    kIsSanitized ? filter->SkipIfEqual(STDOUT_FILENO, 1) : filter->SkipUnlessEqual(STDERR_FILENO, 1);
    filter->Return(SECCOMP_RET_ALLOW);
    filter->Return(kEnd);
  }
}

}  // namespace

bool EnterSyscallFilter() {
  Filter filter;
  filter.Load(offsetof(seccomp_data, arch));
  filter.SkipIfEqual(kArchitecture, 1);
  filter.Return(kEnd);
  filter.Load(offsetof(seccomp_data, nr));
  filter.Allow(kAllowed);
  filter.Allow(kAllowedToSanitizers);
  AddMemory(&filter);
  AddLastWords(&filter);
  filter.Return(kEnd);
  return filter.Install();
}

}  // namespace sonde::names
