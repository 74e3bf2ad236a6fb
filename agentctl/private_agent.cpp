#include "agentctl/private_agent.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agentctl/client.h"
#include "agentctl/doctor/agent_program.h"
#include "agentctl/interrupt.h"
#include "base/read_file.h"
#include "base/unique_fd.h"

namespace sonde::agentctl {
namespace {

constexpr absl::Duration kReadyPatience = absl::Seconds(90), kTablesPatience = absl::Seconds(20),
                         kEndPatience = absl::Seconds(30);
constexpr absl::Duration kAgentLook = absl::Milliseconds(100);
constexpr size_t kMaxLogBytes = 1 << 20;

constexpr char kPrivateSettings[] =
    "export: []\n"
    "overhead_budget: 0\n"
    "kubernetes:\n  enabled: false\n"
    "spool:\n  directory: \"\"\n";

// The last line that it said.
std::string LastWords(const std::filesystem::path& log) {
  const absl::StatusOr<std::string> text = base::ReadFile(log, kMaxLogBytes);
  if (!text.ok()) return "";
  const size_t end = text->find_last_not_of('\n');
  if (end == std::string::npos) return "";
  const size_t begin = text->rfind('\n', end);
  return text->substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? 0 : begin));
}

}  // namespace

PrivateAgent::PrivateAgent(PrivateAgent&& other) noexcept
    : folder_(std::exchange(other.folder_, {})), pid_(std::exchange(other.pid_, -1)) {}

absl::StatusOr<PrivateAgent> PrivateAgent::Start() {
  char folder[] = "/tmp/sonde-record-XXXXXX";
  if (::mkdtemp(folder) == nullptr) return absl::ErrnoToStatus(errno, "cannot make a folder in /tmp");
  PrivateAgent agent{std::filesystem::path(folder)};
  if (absl::Status launched = agent.Launch(); !launched.ok()) return launched;
  if (absl::Status ready = agent.AwaitReady(); !ready.ok()) return ready;
  return agent;
}

absl::Status PrivateAgent::Launch() {
  const std::string settings = folder_ / "agent.yaml", program = AgentProgram(), socket = Socket();
  std::ofstream(settings) << kPrivateSettings;
  const base::UniqueFd log(::open((folder_ / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!log.IsValid()) return absl::ErrnoToStatus(errno, "cannot write to /tmp");
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) return absl::ErrnoToStatus(errno, "cannot make a process");
  if (pid_ > 0) return absl::OkStatus();
  // A process group of its own: Ctrl-C is for us, and for the command.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  ::dup2(log.Get(), STDOUT_FILENO);
  ::dup2(log.Get(), STDERR_FILENO);
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  ::execlp(program.c_str(), program.c_str(), "--config", settings.c_str(), "--control-socket", socket.c_str(), nullptr);
  ::_exit(127);
}

absl::Status PrivateAgent::Ended() {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return absl::OkStatus();
  pid_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is no ", AgentProgram(), " to run: install sonde-agent, or put it beside agentctl"));
  }
  const std::string words = LastWords(folder_ / "log");
  return absl::FailedPreconditionError(
      absl::StrCat("sonde-agent, which was started for this, has ended: ", words.empty() ? "it said nothing" : words));
}

absl::Status PrivateAgent::AwaitReady() {
  const absl::Time begun = absl::Now();
  for (absl::Time tables_by = absl::InfiniteFuture(); absl::Now() < begun + kReadyPatience;
       absl::SleepFor(kAgentLook)) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    if (absl::Status ended = Ended(); !ended.ok()) return ended;
    absl::StatusOr<Client> client = Client::Connect(Socket());
    if (!client.ok()) continue;
    tables_by = std::min(tables_by, absl::Now() + kTablesPatience);
    // Status is as of the last slice, which this ends.
    v1::AccountRequest request;
    request.set_duration_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(kAgentLook)));
    if (!client->Account(request, [](absl::Duration) { return true; }).ok()) continue;
    const absl::StatusOr<v1::StatusReply> status = client->Status();
    if (!status.ok()) continue;
    if (status->unwinding().tables() > 0 && status->unwinding().pending() == 0) return absl::OkStatus();
    if (absl::Now() > tables_by) return absl::OkStatus();  // stacks that end where a table is missing say so
  }
  return absl::DeadlineExceededError(absl::StrCat("sonde-agent, which was started for this, is not ready after ",
                                                  absl::FormatDuration(kReadyPatience)));
}

PrivateAgent::~PrivateAgent() {
  if (folder_.empty()) return;
  if (pid_ > 0) ::kill(pid_, SIGTERM);
  for (const absl::Time end = absl::Now() + kEndPatience; pid_ > 0 && absl::Now() < end;) {
    if (!Ended().ok()) break;
    absl::SleepFor(kAgentLook / 4);
  }
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;  // in /tmp, where it is in nobody's way
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace sonde::agentctl
