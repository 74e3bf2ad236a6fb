#include "agentctl/doctor/agent_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agentctl/interrupt.h"
#include "base/unique_fd.h"

extern char** environ;

namespace sonde::agentctl {
namespace {

constexpr char kName[] = "sonde-agent";
constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr int kTickMs = 50;

// Kills it, unless it has ended and was waited for.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    Wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Its status as waitpid() has it.
  int Wait() {
    int status = 0;
    while (pid_ > 0 && ::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

absl::StatusOr<pid_t> Spawn(const std::string& program, const std::vector<std::string>& arguments, int output) {
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, program.c_str(), &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot run ", program));
  return pid;
}

absl::StatusOr<std::string> ReadAll(int fd, const std::string& program, absl::Time end) {
  std::string text;
  char buffer[4096];
  for (;;) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    if (absl::Now() > end) return absl::DeadlineExceededError(absl::StrCat(program, " does not answer"));
    pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, kTickMs) <= 0) continue;
    const ssize_t got = ::read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno != EINTR)
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot read what ", program, " says"));
    if (got == 0) return text;
    if (got > 0) text.append(buffer, static_cast<size_t>(got));
    if (text.size() > kMaxBytes) return absl::ResourceExhaustedError(absl::StrCat(program, " says too much"));
  }
}

}  // namespace

std::string AgentProgram() {
  std::error_code error;
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const std::filesystem::path& folder : {own, own.parent_path() / "sbin"}) {
    if (!own.empty() && ::access((folder / kName).c_str(), X_OK) == 0) return folder / kName;
  }
  return kName;
}

absl::StatusOr<std::string> OutputOf(const std::string& program, const std::vector<std::string>& arguments,
                                     absl::Duration patience) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot make a pipe");
  const base::UniqueFd read_end(ends[0]);
  base::UniqueFd write_end(ends[1]);
  const absl::StatusOr<pid_t> pid = Spawn(program, arguments, write_end.Get());
  if (!pid.ok()) return pid.status();
  Child child(*pid);
  write_end.Reset();
  absl::StatusOr<std::string> text = ReadAll(read_end.Get(), program, absl::Now() + patience);
  if (!text.ok()) return text;
  const int status = child.Wait();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
  return absl::InternalError(WIFEXITED(status) ? absl::StrCat(program, " ended with ", WEXITSTATUS(status))
                                               : absl::StrCat(program, " was ended by signal ", WTERMSIG(status)));
}

}  // namespace sonde::agentctl
