#pragma once

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/control/control_server.h"
#include "base/unique_fd.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace sonde {
// agentctl as people see it: the real program against a real control socket whose backend gives fixed answers.

namespace v1 = control::v1;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

inline constexpr uint64_t kSecond = 1'000'000'000;

class FixedAnswers : public control::ControlBackend {
 public:
  v1::StatusReply Status() override { return status; }
  absl::StatusOr<v1::AccountReply> Account(const v1::AccountRequest& request, const control::Cancelled&) override {
    if (request.pid() == 123) return absl::NotFoundError("no process 123");
    threads_asked_for = request.threads();
    groups_asked_for = request.group_by();
    account.set_duration_ns(request.duration_ns() == 0 ? 60 * kSecond : request.duration_ns());
    return account;
  }
  absl::StatusOr<v1::TopReply> Top(const v1::TopRequest& request, const control::Cancelled& cancelled) override {
    if (request.pid() == 123) return absl::NotFoundError("no process 123");
    if (!Measure(request.duration_ns(), cancelled)) return absl::CancelledError("cancelled");
    v1::TopReply reply = top;
    reply.set_duration_ns(request.duration_ns());
    if (request.limit() < static_cast<uint32_t>(reply.rows_size())) {
      reply.mutable_rows()->DeleteSubrange(static_cast<int>(request.limit()),
                                           reply.rows_size() - static_cast<int>(request.limit()));
    }
    return reply;
  }
  absl::StatusOr<v1::WaitsReply> Waits(const v1::WaitsRequest& request, const control::Cancelled&) override {
    return Answer(request, &waits_request, waits);
  }
  absl::StatusOr<v1::PeersReply> Peers(const v1::PeersRequest& request, const control::Cancelled&) override {
    return Answer(request, &peers_request, peers);
  }
  absl::StatusOr<v1::LocksReply> Locks(const v1::LocksRequest& request, const control::Cancelled&) override {
    return Answer(request, &locks_request, locks);
  }
  absl::StatusOr<v1::DisksReply> Disks(const v1::DisksRequest& request, const control::Cancelled&) override {
    return Answer(request, &disks_request, disks);
  }
  absl::StatusOr<v1::SaturationReply> Saturation(const v1::SaturationRequest& request,
                                                 const control::Cancelled&) override {
    saturation_request = request;
    return saturation;
  }
  absl::StatusOr<v1::TargetsReply> Targets(const v1::TargetsRequest& request, const control::Cancelled&) override {
    targets_request = request;
    return targets;
  }
  v1::CheckReply Check() override { return check; }
  v1::SettingsReply Settings() override { return settings; }
  absl::StatusOr<v1::ExplainReply> Explain(const v1::ExplainRequest& request) override {
    if (request.pid() == 123) return absl::NotFoundError("no process 123");
    v1::ExplainReply reply = explanation;
    reply.set_pid(request.pid());
    return reply;
  }
  absl::StatusOr<v1::DumpReply> Dump(const v1::DumpRequest& request, const control::Cancelled&) override {
    return Answer(request, &dump_request, dump);
  }
  absl::StatusOr<v1::RecordReply> Record(const v1::RecordRequest& request,
                                         const control::Cancelled& cancelled) override {
    if (request.pid() == 123) return absl::NotFoundError("no process 123");
    if (!Measure(request.duration_ns(), cancelled)) return absl::CancelledError("cancelled");
    record_request = request;
    return record;
  }

  absl::StatusOr<v1::RecordReply> RecordCommand(const v1::RecordRequest& request, const std::function<void()>& begun,
                                                const control::Cancelled&) override {
    record_request = request;
    begun();
    while (kill(static_cast<pid_t>(request.pid()), 0) == 0) absl::SleepFor(absl::Milliseconds(5));
    return record;
  }

  v1::StatusReply status;
  v1::AccountReply account;
  bool threads_asked_for = false;
  std::string groups_asked_for;
  v1::TopReply top;
  v1::WaitsRequest waits_request;
  v1::WaitsReply waits;
  v1::PeersRequest peers_request;
  v1::PeersReply peers;
  v1::LocksRequest locks_request;
  v1::LocksReply locks;
  v1::DisksRequest disks_request;
  v1::DisksReply disks;
  v1::SaturationRequest saturation_request;
  v1::SaturationReply saturation;
  v1::TargetsRequest targets_request;
  v1::TargetsReply targets;
  v1::ExplainReply explanation;
  v1::DumpRequest dump_request;
  v1::DumpReply dump;
  v1::RecordRequest record_request;
  v1::RecordReply record;
  v1::CheckReply check;
  v1::SettingsReply settings;
  std::atomic<int> measuring = 0;

 private:
  template <typename Request, typename Reply>
  static absl::StatusOr<Reply> Answer(const Request& request, Request* seen, const Reply& reply) {
    if (request.pid() == 123) return absl::NotFoundError("no process 123");
    *seen = request;
    return reply;
  }
  bool Measure(uint64_t duration_ns, const control::Cancelled& cancelled) {
    ++measuring;
    const absl::Time end = absl::Now() + absl::Nanoseconds(static_cast<int64_t>(duration_ns));
    while (absl::Now() < end && !cancelled()) absl::SleepFor(absl::Milliseconds(5));
    return !cancelled();
  }
};

inline v1::StatusReply WellAgent() {
  v1::StatusReply reply;
  reply.set_healthy(true);
  reply.set_version("0.1.0");
  reply.set_kernel("6.1.0-18-amd64");
  reply.set_uptime_ns(7384 * kSecond);
  reply.set_window_ns(60 * kSecond);
  reply.set_windows(123);
  reply.set_samples(1'234'567);
  reply.set_waits(89);
  reply.set_sampling_hz(99);
  reply.set_threads(456);
  reply.set_processes(78);
  reply.set_unexplained_ratio(0.0021);
  reply.set_own_cpu_ns(4 * kSecond);
  reply.set_own_rss_bytes(40 << 20);
  reply.set_map_bytes(20 << 20);
  reply.set_overhead_ratio(0.003);
  v1::MapCost* map = reply.add_maps();
  map->set_name("stacks");
  map->set_bytes(12 << 20);
  v1::Target* target = reply.add_targets();
  target->set_endpoint("127.0.0.1:7171");
  target->set_sent(246);
  target->set_last_success_unix_ns(absl::ToUnixNanos(absl::Now()) - static_cast<int64_t>(kSecond));
  return reply;
}

inline void AddReason(v1::ProcessAccount* account, const std::string& reason, uint64_t seconds) {
  v1::ReasonTime* time = account->add_reasons();
  time->set_reason(reason);
  time->set_ns(seconds * kSecond);
}

// Blocked on a disk, but for a second without work.
inline void AddProcess(v1::AccountReply* reply, uint32_t pid, const std::string& name, uint64_t on_cpu,
                       uint64_t run_queue, uint64_t blocked, bool is_sonde = false) {
  v1::ProcessAccount* account = reply->add_processes();
  account->set_pid(pid);
  account->set_process(name);
  account->set_service(name + ".service");
  account->set_threads(2);
  account->set_on_cpu_ns(on_cpu * kSecond);
  account->set_run_queue_ns(run_queue * kSecond);
  account->set_blocked_ns(blocked * kSecond);
  account->set_wall_ns((on_cpu + run_queue + blocked) * kSecond);
  account->set_is_sonde(is_sonde);
  account->set_container(pid == 10 ? "web.service" : "");
  AddReason(account, "on-cpu", on_cpu);
  AddReason(account, "preempted", run_queue);
  AddReason(account, "disk", blocked > 0 ? blocked - 1 : 0);
  AddReason(account, "idle-poll", blocked > 0 ? 1 : 0);
}

template <typename Line>
void AddFrames(Line* line, std::initializer_list<std::pair<const char*, const char*>> frames) {
  for (const auto& [function, file] : frames) {
    v1::WaitFrame* frame = line->add_stack();
    frame->set_function(function);
    frame->set_file(file);
  }
}

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

inline std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class AgentctlTest : public testing::Test {
 protected:
  AgentctlTest() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    backend_.status = WellAgent();
    AddProcess(&backend_.account, 10, "web", 6, 1, 3);
    AddProcess(&backend_.account, 20, "db", 2, 8, 90);
    AddProcess(&backend_.account, 30, "sonde-agent", 1, 0, 1, true);
    backend_.top.set_total_ns(10 * kSecond);
    for (const char* function : {"hot", "warm", "cold"}) {
      v1::TopRow* row = backend_.top.add_rows();
      row->set_function(function);
      row->set_file("/usr/bin/web");
      row->set_self_ns(kSecond);
      row->set_total_ns(5 * kSecond);
      row->set_count(1'234);
      row->set_p50_ns(3'100'000);
      row->set_p99_ns(8'000'000);
      row->set_longest_ns(11'000'000);
    }
    backend_.record.set_profile("gzip bytes");
    backend_.record.set_samples(1500);
    auto server = control::ControlServer::Start(socket_, "", &backend_);
    if (server.ok()) server_ = *std::move(server);
    EXPECT_NE(server_, nullptr);
  }
  ~AgentctlTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Starts agentctl with stdout and stderr in files; `prepare` runs in the child.
  pid_t Spawn(
      const std::vector<std::string>& words, const std::function<void()>& prepare = [] {}) {
    std::vector<std::string> args = {AGENTCTL, "--socket", socket_};
    args.insert(args.end(), words.begin(), words.end());
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    const base::UniqueFd out(open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    const base::UniqueFd err(open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    // Opened before `prepare`: who is nobody then may have no way to where it lies.
    const base::UniqueFd program(open(AGENTCTL, O_PATH | O_CLOEXEC));
    const pid_t child = fork();
    if (child == 0) {
      dup2(out.Get(), STDOUT_FILENO);
      dup2(err.Get(), STDERR_FILENO);
      prepare();
      fexecve(program.Get(), argv.data(), environ);
      _exit(127);
    }
    return child;
  }
  Outcome Wait(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadAll(out_), ReadAll(err_)};
  }
  Outcome Run(
      const std::vector<std::string>& words, const std::function<void()>& prepare = [] {}) {
    return Wait(Spawn(words, prepare));
  }
  void WaitUntilMeasuring(int count) {
    for (int i = 0; i < 6000 && backend_.measuring < count; ++i) absl::SleepFor(absl::Milliseconds(5));
    ASSERT_GE(backend_.measuring, count);
  }

  const std::string folder_ = absl::StrCat(testing::TempDir(), "sonde_agentctl_", getpid());
  const std::string socket_ = folder_ + "/agent.sock";
  const std::string out_ = folder_ + "/out";
  const std::string err_ = folder_ + "/err";
  FixedAnswers backend_;
  std::unique_ptr<control::ControlServer> server_;
};

}  // namespace sonde
