// A sender before a real server with TLS, with certificates that the test makes.
#include "agent/export/target_connection.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/export/certificates_for_test.h"
#include "agent/export/connect_proxy_for_test.h"
#include "agent/export/push_channel.h"
#include "agent/export/push_receiver_for_test.h"
#include "agent/export/pyroscope_protocol.h"
#include "agent/export/target_sender.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class TargetConnectionTest : public testing::Test {
 protected:
  TargetConnectionTest() { std::filesystem::create_directories(folder_); }
  ~TargetConnectionTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  // As whoever renews certificates does it: a new file in the place of the old one.
  std::string Put(const std::string& name, const std::string& text, mode_t mode = 0600) {
    std::ofstream(Path(name) + ".new") << text;
    chmod((Path(name) + ".new").c_str(), mode);
    std::filesystem::rename(Path(name) + ".new", Path(name));
    return Path(name);
  }

  // A server that shows `shown`, and lets in whom `clients` (a PEM, if not empty) has signed.
  std::string StartServer(const PemPair& shown, const std::string& clients = "", int port = 0) {
    grpc::SslServerCredentialsOptions options(clients.empty()
                                                  ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                  : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = clients;
    options.pem_key_cert_pairs = {{shown.key, shown.certificate}};
    return server_.Start(port, grpc::SslServerCredentials(options));
  }
  ExportTarget Target(const std::string& endpoint, TargetTls tls) const {
    ExportTarget target{.endpoint = endpoint, .tls = std::move(tls)};
    target.backoff_initial = absl::Milliseconds(100);
    target.backoff_cap = absl::Milliseconds(200);
    return target;
  }
  std::unique_ptr<TargetSender> Start(const ExportTarget& target) {
    auto sender = std::make_unique<TargetSender>(
        target,
        [](const std::shared_ptr<grpc::Channel>& channel) { return std::make_unique<PyroscopeProtocol>(channel); },
        &losses_);
    sender->Start();
    return sender;
  }
  static profile::EncodedProfile NumberedProfile(uint64_t sequence) {
    profile::EncodedProfile profile;
    profile.labels = {{"service_name", "web"}};
    profile.instance = kTestInstance;
    profile.sequence = sequence;
    profile.pprof_gz = absl::StrCat("profile ", sequence);
    return profile;
  }
  // What the sender complains of before it is let in; empty if it is let in.
  static std::string FirstError(TargetSender* sender) {
    for (int i = 0; i < 300 && sender->Stats().last_error.empty() && sender->Stats().sent == 0; ++i) {
      absl::SleepFor(absl::Milliseconds(100));
    }
    return sender->Stats().last_error;
  }

  const std::string folder_ = absl::StrCat(testing::TempDir(), "sonde_target_connection_", getpid());
  const TestAuthority authority_{"Test CA"};
  const TestAuthority stranger_{"Another CA"};
  const PemPair server_pair_ = authority_.Issue("server", "IP:127.0.0.1");
  PushReceiver server_;
  telemetry::LossLedger losses_;
};

TEST_F(TargetConnectionTest, TrustsAServerOfItsAuthorityAndShowsItsOwnCertificateTokenAndTenant) {
  const PemPair client = authority_.Issue("agent", "DNS:agent");
  ExportTarget target =
      Target(StartServer(server_pair_, authority_.Certificate()), {.enabled = true,
                                                                   .ca_file = Put("ca.pem", authority_.Certificate()),
                                                                   .cert_file = Put("cert.pem", client.certificate),
                                                                   .key_file = Put("key.pem", client.key)});
  target.auth.token_file = Put("token", "s3cret\n");
  target.tenant = "team-a";
  target.headers = {{"x-site", "Berlin"}};
  target.gzip = true;
  const auto sender = Start(target);
  sender->Enqueue(NumberedProfile(1));
  const std::vector<ReceivedPush> pushes = server_.WaitFor(1);
  sender->Stop(absl::Seconds(30));
  ASSERT_EQ(pushes.size(), 1u) << sender->Stats().last_error;
  EXPECT_EQ(pushes[0].peer_name, "agent");
  EXPECT_EQ(pushes[0].metadata.at("authorization"), "Bearer s3cret");
  EXPECT_EQ(pushes[0].metadata.at("x-scope-orgid"), "team-a");
  EXPECT_EQ(pushes[0].metadata.at("x-site"), "Berlin");
  EXPECT_EQ(sender->Stats().sent, 1u);
}

TEST_F(TargetConnectionTest, ShowsNameAndPassword) {
  ExportTarget target = Target(server_.Start(), {});
  target.auth = {.username = "12345", .password_file = Put("password", "open sesame"), .token_file = ""};
  const auto sender = Start(target);
  sender->Enqueue(NumberedProfile(1));
  const std::vector<ReceivedPush> pushes = server_.WaitFor(1);
  sender->Stop(absl::Seconds(30));
  ASSERT_EQ(pushes.size(), 1u);
  EXPECT_EQ(pushes[0].metadata.at("authorization"), "Basic MTIzNDU6b3BlbiBzZXNhbWU=");
}

TEST_F(TargetConnectionTest, SaysWhatToDoAboutAServerOfAnUnknownAuthority) {
  const auto sender =
      Start(Target(StartServer(server_pair_), {.enabled = true, .ca_file = Put("ca.pem", stranger_.Certificate())}));
  sender->Enqueue(NumberedProfile(1));
  const std::string error = FirstError(sender.get());
  EXPECT_THAT(error, AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("tls.ca_file")));
  // The right certificate comes, and nothing was lost meanwhile.
  Put("ca.pem", authority_.Certificate());
  EXPECT_EQ(server_.WaitFor(1).size(), 1u) << sender->Stats().last_error;
  sender->Stop(absl::Seconds(30));
  EXPECT_EQ(sender->Stats().sent, 1u);
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(TargetConnectionTest, SaysWhatToDoAboutAnExpiredServer) {
  const auto sender = Start(Target(StartServer(authority_.Issue("server", "IP:127.0.0.1", /*seconds=*/-60)),
                                   {.enabled = true, .ca_file = Put("ca.pem", authority_.Certificate())}));
  sender->Enqueue(NumberedProfile(1));
  EXPECT_THAT(FirstError(sender.get()), AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("expired")));
  EXPECT_EQ(sender->Stats().waiting, 1u);
}

TEST_F(TargetConnectionTest, SaysWhatToDoAboutAServerOfAnotherName) {
  const std::string endpoint = StartServer(authority_.Issue("server", "DNS:profiles.internal"));
  TargetTls tls{.enabled = true, .ca_file = Put("ca.pem", authority_.Certificate())};
  const auto refused = Start(Target(endpoint, tls));
  refused->Enqueue(NumberedProfile(1));
  EXPECT_THAT(FirstError(refused.get()), HasSubstr("tls.server_name"));
  tls.server_name = "profiles.internal";
  const auto sender = Start(Target(endpoint, tls));
  sender->Enqueue(NumberedProfile(1));
  sender->Stop(absl::Seconds(30));
  EXPECT_EQ(sender->Stats().sent, 1u) << sender->Stats().last_error;
}

TEST_F(TargetConnectionTest, IsNeverInClearTextWhereTlsWasAskedFor) {
  const TargetTls tls{.enabled = true, .ca_file = Put("ca.pem", authority_.Certificate())};
  const auto sender = Start(Target(server_.Start(), tls));
  sender->Enqueue(NumberedProfile(1));
  EXPECT_THAT(FirstError(sender.get()), HasSubstr("UNAVAILABLE"));
  sender->Stop(absl::ZeroDuration());
  EXPECT_TRUE(server_.WaitFor(0).empty());
}

TEST_F(TargetConnectionTest, TakesNewCertificatesWhileItRuns) {
  const PemPair first = authority_.Issue("first", "DNS:agent");
  const PemPair second = stranger_.Issue("second", "DNS:agent");
  const std::string both = authority_.Certificate() + stranger_.Certificate();
  const auto sender = Start(Target(StartServer(server_pair_, both), {.enabled = true,
                                                                     .ca_file = Put("ca.pem", authority_.Certificate()),
                                                                     .cert_file = Put("cert.pem", first.certificate),
                                                                     .key_file = Put("key.pem", first.key)}));
  sender->Enqueue(NumberedProfile(1));
  ASSERT_EQ(server_.WaitFor(1).size(), 1u) << sender->Stats().last_error;
  // Not in one step, as files are replaced: between the two the key is another certificate's, and profiles wait.
  Put("key.pem", second.key);
  sender->Enqueue(NumberedProfile(2));
  for (int i = 0; i < 300 && sender->Stats().last_error.empty(); ++i) absl::SleepFor(absl::Milliseconds(100));
  EXPECT_THAT(sender->Stats().last_error, HasSubstr("key.pem is not the key of"));
  Put("cert.pem", second.certificate);
  const std::vector<ReceivedPush> pushes = server_.WaitFor(2);
  sender->Stop(absl::Seconds(30));
  ASSERT_EQ(pushes.size(), 2u);
  EXPECT_EQ(pushes[0].peer_name, "first");
  EXPECT_EQ(pushes[1].peer_name, "second");
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(TargetConnectionTest, KeepsWhatWaitsWhileAKeyIsOpenToOthers) {
  const PemPair client = authority_.Issue("agent", "DNS:agent");
  const auto sender = Start(
      Target(StartServer(server_pair_, authority_.Certificate()), {.enabled = true,
                                                                   .ca_file = Put("ca.pem", authority_.Certificate()),
                                                                   .cert_file = Put("cert.pem", client.certificate),
                                                                   .key_file = Put("key.pem", client.key, 0644)}));
  sender->Enqueue(NumberedProfile(1));
  EXPECT_THAT(FirstError(sender.get()), HasSubstr("chmod 600"));
  chmod(Path("key.pem").c_str(), 0600);
  sender->Stop(absl::Seconds(30));
  EXPECT_EQ(sender->Stats().sent, 1u);
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(TargetConnectionTest, TakesANewTokenWhenTheOldOneIsRefused) {
  ExportTarget target = Target(server_.Start(), {});
  target.auth.token_file = Put("token", "old");
  server_.AnswerNext({{grpc::StatusCode::UNAUTHENTICATED, "token expired"}});
  const auto sender = Start(target);
  sender->Enqueue(NumberedProfile(1));
  ASSERT_EQ(server_.WaitFor(1).size(), 1u);
  Put("token", "new");
  server_.WaitFor(2);
  sender->Enqueue(NumberedProfile(2));
  const std::vector<ReceivedPush> pushes = server_.WaitFor(3);
  sender->Stop(absl::Seconds(30));
  ASSERT_GE(pushes.size(), 3u);
  EXPECT_EQ(pushes.front().metadata.at("authorization"), "Bearer old");
  EXPECT_EQ(pushes.back().metadata.at("authorization"), "Bearer new");
  EXPECT_EQ(sender->Stats().sent, 2u);
  EXPECT_TRUE(losses_.Snapshot().empty());
}

// Variables of the environment as they were, at the end.
class ProxyVariables {
 public:
  ProxyVariables() {
    for (const char* name : kNames) {
      const char* value = std::getenv(name);
      before_.emplace_back(name, value == nullptr ? std::optional<std::string>() : std::string(value));
      unsetenv(name);
    }
  }
  ~ProxyVariables() {
    for (const auto& [name, value] : before_) value ? setenv(name, value->c_str(), 1) : unsetenv(name);
  }
  ProxyVariables(const ProxyVariables&) = delete;
  ProxyVariables& operator=(const ProxyVariables&) = delete;

 private:
  static constexpr const char* kNames[] = {"HTTPS_PROXY", "https_proxy", "NO_PROXY",     "no_proxy",
                                           "grpc_proxy",  "http_proxy",  "no_grpc_proxy"};
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

TEST_F(TargetConnectionTest, GoesThroughTheProxyOfTheEnvironmentWhichSeesNoToken) {
  StartServer(server_pair_);
  const ConnectProxy proxy(server_.Port());
  const ProxyVariables variables;
  setenv("HTTPS_PROXY", proxy.Url().c_str(), 1);
  AdoptProxyVariables();
  ExportTarget target =
      Target("profiles.invalid:443",
             {.enabled = true, .ca_file = Put("ca.pem", authority_.Certificate()), .server_name = "127.0.0.1"});
  target.auth.token_file = Put("token", "s3cret");
  const auto sender = Start(target);
  sender->Enqueue(NumberedProfile(1));
  const std::vector<ReceivedPush> pushes = server_.WaitFor(1);
  sender->Stop(absl::Seconds(30));
  ASSERT_EQ(pushes.size(), 1u) << sender->Stats().last_error;
  EXPECT_EQ(pushes[0].metadata.at("authorization"), "Bearer s3cret");
  EXPECT_THAT(proxy.Asked(), testing::StartsWith("CONNECT profiles.invalid:443"));
  EXPECT_GT(proxy.WentThrough().size(), 100u);
  EXPECT_THAT(proxy.WentThrough(), testing::Not(HasSubstr("s3cret")));
}

TEST_F(TargetConnectionTest, GoesToItsOwnHostWithoutTheProxy) {
  const std::string endpoint = server_.Start();
  const ConnectProxy proxy(server_.Port());
  const ProxyVariables variables;
  setenv("HTTPS_PROXY", proxy.Url().c_str(), 1);
  AdoptProxyVariables();
  const auto sender = Start(Target(endpoint, {}));
  sender->Enqueue(NumberedProfile(1));
  sender->Stop(absl::Seconds(30));
  EXPECT_EQ(sender->Stats().sent, 1u);
  EXPECT_EQ(proxy.Asked(), "");
}

TEST_F(TargetConnectionTest, RefusesATokenThatIsNone) {
  ExportTarget target = Target("127.0.0.1:1", {});
  for (const char* token : {"two\nlines", "\xff", "\n"}) {
    target.auth.token_file = Put("token", token);
    TargetConnection connection(target);
    grpc::ClientContext call;
    EXPECT_THAT(std::string(connection.Prepare(&call).message()), HasSubstr(Path("token"))) << token;
  }
}

}  // namespace
}  // namespace sonde::exporting
