#include "agentctl/command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sonde::agentctl {
namespace {

struct Pipe {
  base::UniqueFd read_end, write_end;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot make a pipe");
  return Pipe{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

// In the child: nothing but calls that are allowed after fork().
[[noreturn]] void BecomeWhenTold(int go, int failure, char* const* argv) {
  char byte = 0;
  if (::read(go, &byte, 1) != 1) ::_exit(0);
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  ::execvp(argv[0], argv);
  const int error = errno;
  if (::write(failure, &error, sizeof(error)) != sizeof(error)) ::_exit(126);
  ::_exit(error == ENOENT ? 127 : 126);
}

}  // namespace

absl::StatusOr<Command> Command::Prepare(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  absl::StatusOr<Pipe> go = MakePipe(), failure = MakePipe();
  if (!go.ok() || !failure.ok()) return go.ok() ? failure.status() : go.status();
  const pid_t pid = ::fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "cannot make a process");
  if (pid == 0) {
    go->write_end.Reset();  // else it would wait for itself
    BecomeWhenTold(go->read_end.Get(), failure->write_end.Get(), argv.data());
  }
  return Command(pid, std::move(go->write_end), std::move(failure->read_end));
}

Command::Command(Command&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), go_(std::move(other.go_)), failure_(std::move(other.failure_)) {}

Command::~Command() {
  go_.Reset();
  if (pid_ > 0) Wait();
}

absl::Status Command::Begin() {
  if (::write(go_.Get(), "x", 1) != 1) return absl::ErrnoToStatus(errno, "cannot let the command begin");
  go_.Reset();
  int error = 0;
  ssize_t got = 0;
  do {
    got = ::read(failure_.Get(), &error, sizeof(error));  // ends when the program has begun
  } while (got < 0 && errno == EINTR);
  return got == sizeof(error) ? absl::ErrnoToStatus(error, "cannot run the command") : absl::OkStatus();
}

int Command::Wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace sonde::agentctl
