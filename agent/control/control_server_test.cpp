#include "agent/control/control_server.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/control/control_service.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "proto/sonde/control/v1/control.grpc.pb.h"

namespace sonde::control {
namespace {

using testing::HasSubstr;

// Measures nothing: lets requests last until they are cancelled or the gate opens.
class Backend : public ControlBackend {
 public:
  v1::StatusReply Status() override {
    v1::StatusReply reply;
    reply.set_healthy(true);
    reply.set_version("test");
    return reply;
  }
  absl::StatusOr<v1::AccountReply> Account(const v1::AccountRequest& request, const Cancelled&) override {
    if (request.pid() == 123) return absl::NotFoundError("no process 123");
    v1::AccountReply reply;
    reply.set_duration_ns(request.duration_ns());
    return reply;
  }
  absl::StatusOr<v1::TopReply> Top(const v1::TopRequest&, const Cancelled&) override { return v1::TopReply(); }
  absl::StatusOr<v1::PeersReply> Peers(const v1::PeersRequest&, const Cancelled&) override { return v1::PeersReply(); }
  absl::StatusOr<v1::LocksReply> Locks(const v1::LocksRequest&, const Cancelled&) override { return v1::LocksReply(); }
  absl::StatusOr<v1::WaitsReply> Waits(const v1::WaitsRequest&, const Cancelled&) override { return v1::WaitsReply(); }
  absl::StatusOr<v1::DisksReply> Disks(const v1::DisksRequest&, const Cancelled&) override { return v1::DisksReply(); }
  absl::StatusOr<v1::SaturationReply> Saturation(const v1::SaturationRequest&, const Cancelled&) override {
    return v1::SaturationReply();
  }
  v1::CheckReply Check() override { return {}; }
  absl::StatusOr<v1::TargetsReply> Targets(const v1::TargetsRequest&, const Cancelled&) override {
    return v1::TargetsReply();
  }
  absl::StatusOr<v1::RecordReply> RecordCommand(const v1::RecordRequest&, const std::function<void()>& begun,
                                                const Cancelled&) override {
    begun();
    return v1::RecordReply();
  }
  v1::SettingsReply Settings() override { return v1::SettingsReply(); }
  absl::StatusOr<v1::DumpReply> Dump(const v1::DumpRequest&, const Cancelled&) override { return v1::DumpReply(); }
  absl::StatusOr<v1::ExplainReply> Explain(const v1::ExplainRequest&) override { return v1::ExplainReply(); }
  absl::StatusOr<v1::RecordReply> Record(const v1::RecordRequest&, const Cancelled& cancelled) override {
    ++recording;
    while (!cancelled()) absl::SleepFor(absl::Milliseconds(5));
    ++cancelled_count;
    return absl::CancelledError("cancelled");
  }

  std::atomic<int> recording = 0;
  std::atomic<int> cancelled_count = 0;
};

class ControlServerTest : public testing::Test {
 protected:
  ControlServerTest() {
    std::filesystem::remove_all(folder_);
    StartServer();
  }
  ~ControlServerTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  void StartServer() {
    absl::StatusOr<std::unique_ptr<ControlServer>> server = ControlServer::Start(path_, "", &backend_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::unique_ptr<v1::Control::Stub> Connect() {
    grpc::ChannelArguments args;
    args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::Control::NewStub(grpc::CreateCustomChannel("unix:" + path_, grpc::InsecureChannelCredentials(), args));
  }
  grpc::Status AskStatus(v1::StatusReply* reply) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return Connect()->Status(&context, v1::StatusRequest(), reply);
  }
  base::UniqueFd ConnectRaw() {
    base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    if (connect(fd.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) fd.Reset();
    return fd;
  }

  const std::string folder_ = absl::StrCat(testing::TempDir(), "sonde_control_", getpid());
  const std::string path_ = folder_ + "/agent.sock";
  Backend backend_;
  std::unique_ptr<ControlServer> server_;
};

TEST_F(ControlServerTest, AnswersOverTheSocket) {
  v1::StatusReply reply;
  const grpc::Status status = AskStatus(&reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(reply.version(), "test");
}

TEST_F(ControlServerTest, PassesTheBackendsErrorsOn) {
  grpc::ClientContext context;
  v1::AccountRequest request;
  request.set_pid(123);
  v1::AccountReply reply;
  const grpc::Status status = Connect()->Account(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no process 123");
}

TEST_F(ControlServerTest, RefusesRequestsOutOfRange) {
  const auto stub = Connect();
  auto top = [&](uint64_t duration_ns, const std::string& kind) {
    grpc::ClientContext context;
    v1::TopRequest request;
    request.set_duration_ns(duration_ns);
    request.set_kind(kind);
    v1::TopReply reply;
    return stub->Top(&context, request, &reply);
  };
  EXPECT_THAT(top(600'000'000'001, "cpu").error_message(), HasSubstr("10 minutes"));
  EXPECT_THAT(top(0, "cpu").error_message(), HasSubstr("more than 0"));
  EXPECT_THAT(top(1, "heap").error_message(), HasSubstr("cpu, offcpu, wall, faults or wait_lengths"));
  EXPECT_TRUE(top(1, "wall").ok());
}

TEST_F(ControlServerTest, LetsFourMeasureAtOnceAndTheFifthWait) {
  struct Call {
    grpc::ClientContext context;
    v1::RecordReply reply;
    grpc::Status status;
    std::thread thread;
  };
  v1::RecordRequest request;
  request.set_duration_ns(1);
  request.set_kind("cpu");
  std::vector<std::unique_ptr<Call>> calls;
  for (int i = 0; i < kMaxMeasuring; ++i) {
    calls.push_back(std::make_unique<Call>());
    Call* call = calls.back().get();
    call->thread = std::thread(
        [this, call, &request] { call->status = Connect()->Record(&call->context, request, &call->reply); });
  }
  for (int i = 0; i < 3000 && backend_.recording < kMaxMeasuring; ++i) absl::SleepFor(absl::Milliseconds(10));
  ASSERT_EQ(backend_.recording, kMaxMeasuring);
  grpc::ClientContext context;
  v1::RecordReply reply;
  EXPECT_EQ(Connect()->Record(&context, request, &reply).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::StatusReply status;
  EXPECT_TRUE(AskStatus(&status).ok());

  // A client that gives up frees its place; the server's end frees the others.
  calls[0]->context.TryCancel();
  for (int i = 0; i < 3000 && backend_.cancelled_count < 1; ++i) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_EQ(backend_.cancelled_count, 1);
  server_.reset();
  EXPECT_EQ(backend_.cancelled_count, kMaxMeasuring);
  for (const auto& call : calls) {
    call->thread.join();
    EXPECT_FALSE(call->status.ok());
  }
}

TEST_F(ControlServerTest, SurvivesManyConnections) {
  std::vector<base::UniqueFd> open;
  for (int i = 0; i < 100; ++i) open.push_back(ConnectRaw());
  open.clear();
  v1::StatusReply reply;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(AskStatus(&reply).ok()) << i;
}

TEST_F(ControlServerTest, ClosesTheSeventeenthConnection) {
  std::vector<base::UniqueFd> open;
  for (size_t i = 0; i < kMaxConnections; ++i) open.push_back(ConnectRaw());
  const base::UniqueFd extra = ConnectRaw();
  ASSERT_TRUE(extra.IsValid());
  char byte = 0;
  EXPECT_EQ(read(extra.Get(), &byte, 1), 0);
}

TEST_F(ControlServerTest, SurvivesGarbage) {
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(70'000, '\xff'), std::string(),
                                   std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + std::string(200, '\xff')}) {
    const base::UniqueFd fd = ConnectRaw();
    ASSERT_TRUE(fd.IsValid());
    // The server may close before it has read all.
    EXPECT_NE(send(fd.Get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT), -2);
  }
  v1::StatusReply reply;
  EXPECT_TRUE(AskStatus(&reply).ok());
}

// Runs `body` in a child of the given ids and returns its exit code.
template <typename Body>
int InChildAs(uid_t uid, gid_t gid, Body body) {
  const pid_t child = fork();
  if (child == 0) {
    const bool switched = setgroups(0, nullptr) == 0 && setgid(gid) == 0 && setuid(uid) == 0;
    _exit(switched ? body() : 99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(ControlServerTest, RefusesAnotherUidEvenWhenTheSocketIsOpenToIt) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another uid";
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0666), 0);
  enum { kClosed = 0, kNoConnection = 1, kNotClosed = 2 };
  EXPECT_EQ(InChildAs(65534, 65534,
                      [this] {
                        const base::UniqueFd fd = ConnectRaw();
                        if (!fd.IsValid()) return kNoConnection;
                        // gRPC's server speaks first (its settings), so one byte tells that we were let in.
                        char byte = 0;
                        return read(fd.Get(), &byte, 1) == 0 ? kClosed : kNotClosed;
                      }),
            kClosed);
}

TEST_F(ControlServerTest, LetsAMemberOfTheGroupIn) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another uid";
  server_.reset();
  std::filesystem::remove_all(folder_);
  absl::StatusOr<std::unique_ptr<ControlServer>> server = ControlServer::Start(path_, "4321", &backend_);
  ASSERT_TRUE(server.ok()) << server.status();
  const int exit_code = InChildAs(65534, 4321, [this] {
    const base::UniqueFd fd = ConnectRaw();
    char byte = 0;
    return fd.IsValid() && read(fd.Get(), &byte, 1) == 1 ? 0 : 1;
  });
  EXPECT_EQ(exit_code, 0);
}

TEST_F(ControlServerTest, CannotStartTwiceOnOneSocket) {
  const absl::Status second = ControlServer::Start(path_, "", &backend_).status();
  EXPECT_THAT(std::string(second.message()), HasSubstr("another sonde-agent is running"));
  v1::StatusReply reply;
  EXPECT_TRUE(AskStatus(&reply).ok());
}

TEST_F(ControlServerTest, RemovesItsSocketAndCanStartAgain) {
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
  StartServer();
  v1::StatusReply reply;
  EXPECT_TRUE(AskStatus(&reply).ok());
}

TEST(ControlServer, NamesAGroupThatDoesNotExist) {
  Backend backend;
  const absl::Status status = ControlServer::Start("/tmp/never.sock", "no-such-group", &backend).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("no-such-group"));
}

}  // namespace
}  // namespace sonde::control
