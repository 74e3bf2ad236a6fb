#include "agent/export/target_trial.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "agent/export/certificates_for_test.h"
#include "agent/export/otlp_protocol.h"
#include "agent/export/parca_protocol.h"
#include "agent/export/push_receiver_for_test.h"
#include "agent/export/pyroscope_protocol.h"
#include "base/unique_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Step = Trial::Step;

// Nothing here is to take it; a trial that nobody answers takes its time in full.
constexpr absl::Duration kTrialPatience = absl::Seconds(30), kNoPatience = absl::Milliseconds(300);

class TargetTrialTest : public testing::Test {
 protected:
  TargetTrialTest() { std::filesystem::create_directories(folder_); }
  ~TargetTrialTest() override { std::filesystem::remove_all(folder_); }

  std::string Put(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  template <typename Protocol>
  static Trial Try(const ExportTarget& target, absl::Duration patience = kTrialPatience) {
    return TryTarget(
        target,
        [](const std::shared_ptr<grpc::Channel>& channel) {
          if constexpr (std::is_same_v<Protocol, OtlpProtocol>)
            return std::make_unique<Protocol>(channel, OtlpOrigin());
          else
            return std::make_unique<Protocol>(channel);
        },
        patience);
  }
  std::string StartWithTls() {
    grpc::SslServerCredentialsOptions options;
    const PemPair pair = authority_.Issue("server", "IP:127.0.0.1");
    options.pem_key_cert_pairs = {{pair.key, pair.certificate}};
    return server_.Start(0, grpc::SslServerCredentials(options));
  }

  const std::string folder_ = absl::StrCat(testing::TempDir(), "sonde_target_trial_", getpid());
  const TestAuthority authority_{"Test CA"};
  PushReceiver server_;
};

TEST_F(TargetTrialTest, ReachesAServerThatWouldTakeProfilesAndPushesNone) {
  const Trial trial = Try<PyroscopeProtocol>({.endpoint = server_.Start()});
  EXPECT_EQ(trial.reached, Step::kAll) << trial.words;
  EXPECT_EQ(trial.words, "");
  ASSERT_EQ(server_.WaitFor(1).size(), 1u);
  EXPECT_EQ(server_.WaitFor(1)[0].raw, "");
}

TEST_F(TargetTrialTest, EndsAtAFileThatCannotBeRead) {
  ExportTarget target{.endpoint = "127.0.0.1:1"};
  target.auth.token_file = folder_ + "/token";
  EXPECT_EQ(Try<PyroscopeProtocol>(target).reached, Step::kFiles);
  EXPECT_THAT(Try<PyroscopeProtocol>(target).words, HasSubstr("/token"));
  target = {.endpoint = "127.0.0.1:1", .tls = {.enabled = true, .ca_file = Put("ca.pem", "nonsense")}};
  EXPECT_EQ(Try<PyroscopeProtocol>(target).reached, Step::kFiles);
}

TEST_F(TargetTrialTest, EndsAtANameThatNobodyHas) {
  const Trial trial = Try<PyroscopeProtocol>({.endpoint = "no..such:4040"});
  EXPECT_EQ(trial.reached, Step::kName);
  EXPECT_THAT(trial.words, HasSubstr("no..such has no address"));
}

TEST_F(TargetTrialTest, EndsAtAPortWhereNobodyListens) {
  const std::string endpoint = server_.Start();
  server_.Stop();
  const Trial trial = Try<PyroscopeProtocol>({.endpoint = endpoint});
  EXPECT_EQ(trial.reached, Step::kConnection);
  EXPECT_THAT(trial.words, AllOf(HasSubstr(endpoint), HasSubstr("refused"), HasSubstr("is the server up")));
}

TEST_F(TargetTrialTest, EndsAtACertificateOfAnUnknownAuthority) {
  const TestAuthority stranger("Another CA");
  const std::string endpoint = StartWithTls();
  ExportTarget target{.endpoint = endpoint, .tls = {.enabled = true, .ca_file = Put("ca.pem", stranger.Certificate())}};
  const Trial trial = Try<PyroscopeProtocol>(target);
  EXPECT_EQ(trial.reached, Step::kTls) << trial.words;
  EXPECT_THAT(trial.words, HasSubstr("tls.ca_file"));
  target.tls.ca_file = Put("ca.pem", authority_.Certificate());
  EXPECT_EQ(Try<PyroscopeProtocol>(target).reached, Step::kAll);
}

TEST_F(TargetTrialTest, SaysThatAServerMayWantTls) {
  const Trial trial = Try<PyroscopeProtocol>({.endpoint = StartWithTls()});
  EXPECT_EQ(trial.reached, Step::kService);
  EXPECT_THAT(trial.words, HasSubstr("tls.enabled"));
}

TEST_F(TargetTrialTest, EndsAtALoginThatIsRefused) {
  ExportTarget target{.endpoint = server_.Start()};
  target.auth.token_file = Put("token", "stale");
  server_.AnswerNext({{grpc::StatusCode::UNAUTHENTICATED, "token expired"}, {grpc::StatusCode::PERMISSION_DENIED, ""}});
  Trial trial = Try<PyroscopeProtocol>(target);
  EXPECT_EQ(trial.reached, Step::kLogin);
  EXPECT_THAT(trial.words, AllOf(HasSubstr("token expired"), HasSubstr("auth.bearer.token_file")));
  target.auth = {};
  trial = Try<PyroscopeProtocol>(target);
  EXPECT_EQ(trial.reached, Step::kLogin);
  EXPECT_THAT(trial.words, HasSubstr("set auth"));
}

TEST_F(TargetTrialTest, LooksTwiceAtAServerThatIsUnavailable) {
  const ExportTarget target{.endpoint = server_.Start()};
  const grpc::Status down(grpc::StatusCode::UNAVAILABLE, "starting up");
  server_.AnswerNext({down});
  EXPECT_EQ(Try<PyroscopeProtocol>(target).reached, Step::kAll);
  server_.AnswerNext({down, down});
  const Trial trial = Try<PyroscopeProtocol>(target);
  EXPECT_EQ(trial.reached, Step::kService);
  EXPECT_THAT(trial.words, HasSubstr("starting up"));
}

TEST_F(TargetTrialTest, EndsAtAServerOfAnotherProtocol) {
  const std::string endpoint = server_.Start();
  EXPECT_EQ(Try<ParcaProtocol>({.endpoint = endpoint}).reached, Step::kService);
  EXPECT_THAT(Try<ParcaProtocol>({.endpoint = endpoint}).words, AllOf(HasSubstr("UNIMPLEMENTED"), HasSubstr("7070")));
  EXPECT_THAT(Try<OtlpProtocol>({.endpoint = endpoint}).words, AllOf(HasSubstr("UNIMPLEMENTED"), HasSubstr("4317")));
}

TEST_F(TargetTrialTest, DoesNotWaitForOneWhoNeverAnswers) {
  const base::UniqueFd hole(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(::bind(hole.Get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(hole.Get(), 8), 0);
  ASSERT_EQ(::getsockname(hole.Get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const Trial trial =
      Try<PyroscopeProtocol>({.endpoint = absl::StrCat("127.0.0.1:", ntohs(address.sin_port))}, kNoPatience);
  EXPECT_EQ(trial.reached, Step::kService) << trial.words;
}

}  // namespace
}  // namespace sonde::exporting
