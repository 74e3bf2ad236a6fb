#include "agent/worker/worker_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/read_file.h"

namespace sonde::worker {
namespace {

constexpr int kSocket = 3;  // of the worker
constexpr char kName[] = "sonde-symbolizer";
constexpr absl::Duration kReapPatience = absl::Seconds(1);

// In the child, between fork(2) and exec(2): only what is safe in a copy of a process with other threads.
[[noreturn]] void BecomeWorker(const char* program, char* const* arguments, char* const* environment, int socket) {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing >= 0) {
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
  }
  if (socket == kSocket)
    ::fcntl(socket, F_SETFD, 0);
  else
    ::dup2(socket, kSocket);
  // All of the agent's are closed on exec in any case.
  ::syscall(SYS_close_range, kSocket + 1, ~0U, 0);
  ::execve(program, arguments, environment);
  ::_exit(127);
}

// True once it is gone. A process that the kernel itself holds up stays a while.
bool Reap(pid_t pid, absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  while (true) {
    const pid_t ended = ::waitpid(pid, nullptr, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR)) return true;
    if (absl::Now() >= deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
}

}  // namespace

std::string WorkerProgram() {
  std::array<char, 4096> target{};
  const ssize_t length = ::readlink("/proc/self/exe", target.data(), target.size());
  if (length <= 0 || static_cast<size_t>(length) == target.size()) return "";
  const std::string own(target.data(), static_cast<size_t>(length));
  const std::string folder = own.substr(0, own.rfind('/'));
  for (const std::string& program :
       {absl::StrCat(folder, "/", kName), absl::StrCat(folder, "/../libexec/sonde/", kName)}) {
    // By the rights that exec will go by: access(2) leaves out the capabilities of a user who is not root.
    if (::faccessat(AT_FDCWD, program.c_str(), X_OK, AT_EACCESS) == 0) return program;
  }
  return "";
}

absl::StatusOr<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(const std::string& program,
                                                                    absl::Duration patience) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a socket for sonde-symbolizer");
  }
  base::UniqueFd ours(ends[0]), theirs(ends[1]);
  std::string name = kName;
  std::array<char*, 2> arguments = {name.data(), nullptr};
  std::array<char*, 1> environment = {nullptr};
  const pid_t pid = ::fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "cannot start sonde-symbolizer");
  if (pid == 0) BecomeWorker(program.c_str(), arguments.data(), environment.data(), theirs.Get());
  theirs.Reset();
  std::unique_ptr<WorkerProcess> worker(new WorkerProcess(pid, names::PacketSocket(std::move(ours))));
  absl::StatusOr<names::Packet> packet = worker->socket_.Receive(patience);
  auto hello = packet.ok() ? names::DecodeHello(packet->bytes) : absl::StatusOr<names::Hello>(packet.status());
  if (!hello.ok()) {
    return absl::Status(hello.status().code(), absl::StrCat(program, " does not begin: ", hello.status().message()));
  }
  worker->hello_ = *hello;
  return worker;
}

WorkerProcess::~WorkerProcess() {
  ::kill(pid_, SIGKILL);
  Reap(pid_, kReapPatience);
}

uint64_t WorkerProcess::CpuNs() const {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0;
  return static_cast<uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(used.tv_nsec);
}

uint64_t WorkerProcess::RssBytes() const {
  absl::StatusOr<std::string> statm = base::ReadFile(absl::StrCat("/proc/", pid_, "/statm"), 4096);
  if (!statm.ok()) return 0;
  const std::vector<std::string> fields = absl::StrSplit(*statm, ' ');
  uint64_t pages = 0;
  if (fields.size() < 2 || !absl::SimpleAtoi(fields[1], &pages)) return 0;
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace sonde::worker
