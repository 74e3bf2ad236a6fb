#include "agent/names/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace sonde::names {
namespace {

// The exit code of a child that does this within the sandbox, or 1000 and the signal that ended it.
int EndOf(const std::function<void()>& deed) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!EnterSandbox().ok()) ::_exit(99);
    deed();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? 1'000 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Without the library's wrappers, which a compromised process would not use either.
template <typename... Arguments>
std::function<void()> Calls(long number, Arguments... arguments) {
  return [=] { ::syscall(number, arguments...); };
}

TEST(Sandbox, LetsWhatIsOpenBeReadAndMemoryBeHad) {
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(EndOf([file] {
              char byte = 0;
              if (::pread(file, &byte, 1, 0) != 1) ::_exit(1);
              std::string large(size_t{8} << 20, 'x');
              if (large[12'345] != 'x') ::_exit(2);
              BeginWork();
              EndWork();
            }),
            0);
  ::close(file);
}

TEST(Sandbox, EndsWhoReachesForAnythingElse) {
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  constexpr int kEnded = 1'000 + SIGSYS;
  EXPECT_EQ(EndOf(Calls(SYS_openat, AT_FDCWD, "/etc/shadow", O_RDONLY, 0)), kEnded);
  EXPECT_EQ(EndOf(Calls(SYS_socket, AF_INET, SOCK_STREAM, 0)), kEnded);
  EXPECT_EQ(EndOf(Calls(SYS_execve, "/bin/true", nullptr, nullptr)), kEnded);
  EXPECT_EQ(EndOf(Calls(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr)), kEnded);
  EXPECT_EQ(EndOf(Calls(SYS_kill, ::getpid(), 0)), kEnded);
  EXPECT_EQ(EndOf(Calls(SYS_ptrace, PTRACE_TRACEME, 0, nullptr, nullptr)), kEnded);
  EXPECT_EQ(EndOf(Calls(SYS_bpf, 0, nullptr, 0)), kEnded);
  EXPECT_EQ(EndOf(Calls(SYS_write, STDOUT_FILENO, "x", 1)), kEnded);
  EXPECT_EQ(EndOf(Calls(SYS_mmap, nullptr, 4'096, PROT_READ, MAP_PRIVATE, file, 0)), kEnded) << "a stranger's file";
  EXPECT_EQ(EndOf(Calls(SYS_mmap, nullptr, 4'096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)), kEnded);
  ::close(file);
}

TEST(Sandbox, EndsWorkThatTakesTooLong) {
  // Nobody need be there to do so.
  EXPECT_EQ(EndOf([] {
              BeginWork();
              while (true) asm volatile("");
            }),
            1'000 + SIGPROF);
}

}  // namespace
}  // namespace sonde::names
