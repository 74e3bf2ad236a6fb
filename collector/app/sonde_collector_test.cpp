// The program as its users run it: flags, signals, kills.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "collector/ingest/push_server.h"
#include "collector/ingest/testing/pushes.h"
#include "collector/store/database.h"
#include "collector/store/schema.h"
#include "http/testing/http_client.h"
#include "profile/pprof_file.h"
#include "proto/push/v1/push.grpc.pb.h"

namespace sonde::app {
namespace {

using ::testing::HasSubstr;

constexpr int kPatienceMs = 60'000;

// A running sonde-collector; killed when it goes out of scope.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    output_.Reset(ends[0]);
    base::UniqueFd write_end(ends[1]);
    arguments.insert(arguments.begin(), SONDE_COLLECTOR);
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves no collector behind
      ::dup2(write_end.Get(), STDOUT_FILENO);
      ::dup2(write_end.Get(), STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~Process() {
    if (pid_ > 0) Stop(SIGKILL);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Signal(int signal) const { ::kill(pid_, signal); }

  // Exit code, or 128 + the signal that ended it.
  int Stop(int signal) {
    Signal(signal);
    return Wait();
  }
  int Wait() {
    int status = 0;
    while (Read()) {
    }
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  // Reads on until the output holds `text`. False when it ended without.
  bool ReadUntil(const std::string& text) {
    while (said_.find(text) == std::string::npos) {
      if (!Read()) return false;
    }
    return true;
  }
  // The port after `name`= in the line that says "ready"; 0 when it is never said.
  int Port(const std::string& name) {
    if (!ReadUntil("msg=ready") || !ReadUntil(" store=")) return 0;
    size_t at = said_.find(name + "=127.0.0.1:");
    return at == std::string::npos ? 0 : std::stoi(said_.substr(at + name.size() + 11));
  }
  const std::string& Said() const { return said_; }

 private:
  bool Read() {
    pollfd readable = {.fd = output_.Get(), .events = POLLIN, .revents = 0};
    char buffer[4096];
    if (::poll(&readable, 1, kPatienceMs) <= 0) return false;
    ssize_t count = ::read(output_.Get(), buffer, sizeof(buffer));
    if (count > 0) said_.append(buffer, static_cast<size_t>(count));
    return count > 0;
  }

  pid_t pid_ = -1;
  base::UniqueFd output_;
  std::string said_;
};

class SondeCollectorTest : public ::testing::Test {
 protected:
  SondeCollectorTest() : directory_(::testing::TempDir() + "/sonde_collector_XXXXXX") {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
  }
  ~SondeCollectorTest() override { std::filesystem::remove_all(directory_); }

  // --flag value pairs; those given replace the usual ones.
  std::vector<std::string> Arguments(std::map<std::string, std::string> flags = {}) const {
    flags.merge(std::map<std::string, std::string>{
        {"--store", directory_ + "/store"}, {"--grpc-listen", "127.0.0.1:0"}, {"--http-listen", "127.0.0.1:0"}});
    std::vector<std::string> all;
    for (const auto& [flag, value] : flags) all.insert(all.end(), {flag, value});
    return all;
  }

  // The sum of all wall time that the collector serves.
  static int64_t ServedWallTime(Process& collector) {
    auto answer = http::testing::Get(collector.Port("http"), "/pprof/wall?seconds=3600");
    auto pprof = profile::Decode(answer.body, 1 << 24);
    EXPECT_TRUE(pprof.ok()) << answer.status << " " << answer.body;
    int64_t sum = 0;
    for (const auto& sample : pprof->sample()) sum += sample.value(0);
    return sum;
  }

  std::string directory_;
};

// Pushes profiles of value 1, numbered from 0, and counts what was acknowledged.
class Agent {
 public:
  explicit Agent(int port)
      : stub_(::push::v1::PusherService::NewStub(
            grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()))) {}

  bool Push(int sequence) {
    grpc::ClientContext context;
    context.AddMetadata(ingest::kInstanceKey, "0f8fad5b-d9cb-469f-a165-70867728950e");
    context.AddMetadata(ingest::kSequenceKey, std::to_string(sequence));
    ::push::v1::PushResponse response;
    bool ok = stub_->Push(&context, ingest::testing::WallRequest(base::WallNs(), 1), &response).ok();
    if (ok) acknowledged_ = sequence + 1;
    return ok;
  }
  int Acknowledged() const { return acknowledged_; }

 private:
  std::unique_ptr<::push::v1::PusherService::Stub> stub_;
  std::atomic<int> acknowledged_ = 0;
};

TEST_F(SondeCollectorTest, ServesWhatWasPushedAndStopsOnSigterm) {
  Process collector(Arguments());
  ASSERT_NE(collector.Port("grpc"), 0) << collector.Said();
  Agent agent(collector.Port("grpc"));
  EXPECT_TRUE(agent.Push(0));
  EXPECT_EQ(ServedWallTime(collector), 1);
  EXPECT_EQ(http::testing::Get(collector.Port("http"), "/readyz").status, 200);
  EXPECT_EQ(collector.Stop(SIGTERM), 0) << collector.Said();
}

TEST_F(SondeCollectorTest, StopsOnSigintToo) {
  Process collector(Arguments());
  ASSERT_NE(collector.Port("grpc"), 0);
  EXPECT_EQ(collector.Stop(SIGINT), 0);
}

TEST_F(SondeCollectorTest, KeepsWhatItAcknowledgedWhenItIsKilledInTheMiddleOfPushes) {
  int pushed = 0;
  const char* kills = std::getenv("KILLS");  // more of them, by hand
  for (int round = 0; round < (kills == nullptr ? 3 : std::atoi(kills)); ++round) {
    Process collector(Arguments());
    ASSERT_NE(collector.Port("grpc"), 0) << collector.Said();
    Agent agent(collector.Port("grpc"));
    const int target = pushed + 30;
    std::thread pushing([&agent, &pushed] {
      // The request in flight at the kill is sent again under its number by the next round.
      while (agent.Push(pushed)) ++pushed;
    });
    while (agent.Acknowledged() < target) std::this_thread::yield();
    EXPECT_EQ(collector.Stop(SIGKILL), 128 + SIGKILL);
    pushing.join();
    Process check({"check", "--store", directory_ + "/store"});
    EXPECT_EQ(check.Wait(), 0) << check.Said();
  }
  Process collector(Arguments());
  ASSERT_NE(collector.Port("grpc"), 0) << collector.Said();
  EXPECT_TRUE(Agent(collector.Port("grpc")).Push(pushed));
  EXPECT_EQ(ServedWallTime(collector), pushed + 1);
}

TEST_F(SondeCollectorTest, AnswersWhatItHasWhenItIsStoppedInTheMiddleOfPushes) {
  auto collector = std::make_unique<Process>(Arguments());
  ASSERT_NE(collector->Port("grpc"), 0);
  Agent agent(collector->Port("grpc"));
  std::thread pushing([&agent] {
    for (int sequence = 0; agent.Push(sequence); ++sequence) {
    }
  });
  while (agent.Acknowledged() < 10) std::this_thread::yield();
  EXPECT_EQ(collector->Stop(SIGTERM), 0);
  pushing.join();
  collector = std::make_unique<Process>(Arguments());
  EXPECT_GE(ServedWallTime(*collector), agent.Acknowledged());
}

TEST_F(SondeCollectorTest, DeletesProfilesOlderThanTheRetention) {
  {
    Process collector(Arguments());
    Agent agent(collector.Port("grpc"));
    ASSERT_TRUE(agent.Push(0));
    auto stub = ::push::v1::PusherService::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(collector.Port("grpc")), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    ::push::v1::PushResponse response;
    int64_t two_hours_ago = base::WallNs() - int64_t{7'200} * 1'000'000'000;
    ASSERT_TRUE(stub->Push(&context, ingest::testing::WallRequest(two_hours_ago, 5), &response).ok());
    EXPECT_EQ(collector.Stop(SIGTERM), 0);
  }
  Process collector(Arguments({{"--retention", "1h"}}));
  ASSERT_TRUE(collector.ReadUntil("count=1")) << collector.Said();
  auto answer = http::testing::Get(collector.Port("http"), "/pprof/wall?seconds=36000");
  EXPECT_EQ(profile::Decode(answer.body, 1 << 20)->sample(0).value(0), 1);
}

TEST_F(SondeCollectorTest, ChecksCopiesAndShrinksItsStore) {
  {
    Process collector(Arguments());
    Agent agent(collector.Port("grpc"));
    ASSERT_TRUE(agent.Push(0));
    Process check({"check", "--store", directory_ + "/store"});
    EXPECT_EQ(check.Wait(), 0) << check.Said();
    EXPECT_THAT(check.Said(), HasSubstr("1 profiles"));
    ASSERT_TRUE(std::filesystem::create_directory(directory_ + "/copy"));
    Process backup({"--store", directory_ + "/store", "backup", directory_ + "/copy/profiles.db"});
    EXPECT_EQ(backup.Wait(), 0) << backup.Said();
    Process vacuum({"vacuum", "--store", directory_ + "/store"});
    EXPECT_EQ(vacuum.Wait(), 1);
    EXPECT_THAT(vacuum.Said(), HasSubstr("another sonde-collector uses it"));
  }
  Process vacuum({"vacuum", "--store", directory_ + "/copy"});
  EXPECT_EQ(vacuum.Wait(), 0) << vacuum.Said();
  Process restored(Arguments({{"--store", directory_ + "/copy"}}));
  EXPECT_EQ(ServedWallTime(restored), 1);
  Process missing({"check", "--store", directory_ + "/nothing"});
  EXPECT_EQ(missing.Wait(), 1);
  EXPECT_THAT(missing.Said(), HasSubstr("there is no store"));
}

TEST_F(SondeCollectorTest, ExitsWith2OnUsageErrors) {
  const std::map<std::string, std::string> wrong_flags = {{"--no-such-flag", "x"},       {"--grpc-listen", "7171"},
                                                          {"--retention", "soon"},       {"--retention-bytes", "1KiB"},
                                                          {"--max-profile-bytes", "12"}, {"--log-level", "loud"}};
  for (const auto& wrong : wrong_flags) {
    Process collector(Arguments({wrong}));
    EXPECT_EQ(collector.Wait(), 2) << wrong.first;
    EXPECT_THAT(collector.Said(), HasSubstr(wrong.first));
  }
}

TEST_F(SondeCollectorTest, TellsItsVersion) {
  Process collector({"--version"});
  EXPECT_EQ(collector.Wait(), 0);
  EXPECT_THAT(collector.Said(), HasSubstr("sonde-collector 0."));
}

TEST_F(SondeCollectorTest, ExitsWith1WhenAPortIsInUse) {
  Process first(Arguments());
  for (const std::string name : {"grpc", "http"}) {
    std::string address = "127.0.0.1:" + std::to_string(first.Port(name));
    Process second(Arguments({{"--store", directory_ + "/other"}, {"--" + name + "-listen", address}}));
    EXPECT_EQ(second.Wait(), 1);
    EXPECT_THAT(second.Said(), HasSubstr(address));
    EXPECT_THAT(second.Said(), HasSubstr("choose another with --" + name + "-listen"));
  }
}

TEST_F(SondeCollectorTest, ExitsWith1WhenTheStoreCannotBeUsed) {
  Process first(Arguments());
  ASSERT_NE(first.Port("grpc"), 0);
  Process same_store(Arguments());
  EXPECT_EQ(same_store.Wait(), 1);
  EXPECT_THAT(same_store.Said(), HasSubstr("another sonde-collector uses it"));
  Process no_directory(Arguments({{"--store", "/dev/null/store"}}));
  EXPECT_EQ(no_directory.Wait(), 1);
  EXPECT_THAT(no_directory.Said(), HasSubstr("choose another --store directory"));
}

TEST_F(SondeCollectorTest, ExitsWith1WhenTheStoreIsOfANewerVersion) {
  Process(Arguments()).Port("grpc");
  auto database = store::Database::Open(directory_ + "/store/" + store::kFileName, store::Database::Access::kReadWrite);
  ASSERT_TRUE(database->Execute("PRAGMA user_version = 99").ok());
  Process collector(Arguments());
  EXPECT_EQ(collector.Wait(), 1);
  EXPECT_THAT(collector.Said(), HasSubstr("schema version 99"));
}

TEST_F(SondeCollectorTest, ExitsWith1WhenTheDiskIsFull) {
  // A device that takes no byte stands for the full disk.
  std::filesystem::create_directory(directory_ + "/store");
  std::filesystem::create_symlink("/dev/full", directory_ + "/store/" + store::kFileName);
  Process collector(Arguments());
  EXPECT_EQ(collector.Wait(), 1);
  EXPECT_THAT(collector.Said(), HasSubstr("check free space"));
}

}  // namespace
}  // namespace sonde::app
