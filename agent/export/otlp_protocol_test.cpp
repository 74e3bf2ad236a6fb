#include "agent/export/otlp_protocol.h"

#include <deque>

#include "absl/synchronization/mutex.h"
#include "agent/export/otlp_profile_for_test.h"
#include "agent/export/otlp_rules_for_test.h"
#include "agent/export/target_sender.h"
#include "agent/telemetry/loss_ledger.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using ::opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceResponse;
using ::opentelemetry::proto::collector::profiles::v1development::ProfilesService;
using profile::Kind;

// A receiver on loopback that takes what the format's rules allow, and answers as it was told, then OK.
class OtlpReceiver : public ProfilesService::Service {
 public:
  OtlpReceiver() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    endpoint_ = absl::StrCat("127.0.0.1:", port);
  }
  ~OtlpReceiver() override { server_->Shutdown(std::chrono::system_clock::now()); }

  const std::string& Endpoint() const { return endpoint_; }
  std::shared_ptr<grpc::Channel> Channel() const {
    return grpc::CreateChannel(endpoint_, grpc::InsecureChannelCredentials());
  }

  struct Answer {
    grpc::Status status;
    int64_t rejected = 0;
    std::string words;
  };
  void AnswerNext(const Answer& answer) {
    absl::MutexLock lock(&mutex_);
    answers_.push_back(answer);
  }

  // What was taken.
  std::vector<OtlpRequest> Taken() const {
    absl::MutexLock lock(&mutex_);
    return taken_;
  }

 private:
  grpc::Status Export(grpc::ServerContext*, const OtlpRequest* request,
                      ExportProfilesServiceResponse* response) override {
    for (const std::string& rule : OtlpRules::BrokenBy(*request)) return {grpc::StatusCode::INVALID_ARGUMENT, rule};
    absl::MutexLock lock(&mutex_);
    Answer answer;
    if (!answers_.empty()) {
      answer = answers_.front();
      answers_.pop_front();
    }
    if (!answer.status.ok()) return answer.status;
    taken_.push_back(*request);
    response->mutable_partial_success()->set_rejected_profiles(answer.rejected);
    response->mutable_partial_success()->set_error_message(answer.words);
    return grpc::Status::OK;
  }

  mutable absl::Mutex mutex_;
  std::deque<Answer> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<OtlpRequest> taken_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
  std::string endpoint_;
};

// One call.
grpc::Status PushTo(OtlpProtocol* protocol, const profile::EncodedProfile& window, Rejected* rejected) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  return protocol->Push(&context, window, rejected);
}

Told AllOf(const std::vector<OtlpRequest>& requests) {
  Told told;
  for (const OtlpRequest& request : requests) Tell(request, &told);
  return told;
}

Told ExpectedOf(const profile::EncodedProfile& window) {
  return Expected(*profile::Decode(window.pprof_gz, size_t{1} << 20), window.kind);
}

TEST(OtlpProtocol, PushesEveryKindWhole) {
  OtlpReceiver receiver;
  OtlpProtocol protocol(receiver.Channel(), TestOrigin());
  for (Kind kind : profile::AllKinds()) {
    Rejected rejected;
    const grpc::Status status = PushTo(&protocol, TestWindow(kind, 50), &rejected);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(AllOf({receiver.Taken().back()}), ExpectedOf(TestWindow(kind, 50)));
  }
}

TEST(OtlpProtocol, CompressesWhatItPushes) {
  OtlpReceiver receiver;
  OtlpProtocol protocol(receiver.Channel(), TestOrigin());
  grpc::ClientContext context;
  Rejected rejected;
  ASSERT_TRUE(protocol.Push(&context, TestWindow(Kind::kWall, 5), &rejected).ok());
  EXPECT_EQ(context.compression_algorithm(), GRPC_COMPRESS_GZIP);
}

TEST(OtlpProtocol, GivesTheServersAnswerAsItIs) {
  OtlpReceiver receiver;
  OtlpProtocol protocol(receiver.Channel(), TestOrigin());
  receiver.AnswerNext(
      {.status = {grpc::StatusCode::RESOURCE_EXHAUSTED, "too fast", "details"}, .rejected = 0, .words = ""});
  Rejected rejected;
  const grpc::Status status = PushTo(&protocol, TestWindow(Kind::kWall, 5), &rejected);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "too fast");
  EXPECT_EQ(status.error_details(), "details");
  EXPECT_EQ(rejected.profiles, 0u);
}

TEST(OtlpProtocol, TellsWhatTheServerTookItWithout) {
  OtlpReceiver receiver;
  OtlpProtocol protocol(receiver.Channel(), TestOrigin());
  receiver.AnswerNext({.status = {}, .rejected = 2, .words = "too old"});
  receiver.AnswerNext({.status = {}, .rejected = -5, .words = "a warning"});
  Rejected part, warned;
  EXPECT_TRUE(PushTo(&protocol, TestWindow(Kind::kOffCpu, 5), &part).ok());
  EXPECT_EQ(part.profiles, 2u);
  EXPECT_EQ(part.why, "too old");
  EXPECT_TRUE(PushTo(&protocol, TestWindow(Kind::kOffCpu, 5), &warned).ok());
  EXPECT_EQ(warned.profiles, 0u);
  EXPECT_EQ(warned.why, "a warning");
}

TEST(OtlpProtocol, AsksNobodyAboutWhatIsNoProfile) {
  OtlpProtocol protocol(grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials()), TestOrigin());
  profile::EncodedProfile window;
  window.pprof_gz = "not a profile";
  Rejected rejected;
  EXPECT_EQ(PushTo(&protocol, window, &rejected).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(OtlpProtocol, SendsNothingWhenThereIsNothingToTell) {
  OtlpReceiver receiver;
  OtlpProtocol protocol(receiver.Channel(), TestOrigin());
  profile::EncodedProfile window;
  window.pprof_gz = profile::Encode(profile::PprofBuilder(Kind::kCpu, 1, 1, 1).Build());
  Rejected rejected;
  EXPECT_TRUE(PushTo(&protocol, window, &rejected).ok());
  EXPECT_TRUE(receiver.Taken().empty());
}

TEST(OtlpProtocol, ASenderNeverResendsWhatWasRejectedInPart) {
  OtlpReceiver receiver;
  receiver.AnswerNext({.status = {grpc::StatusCode::UNAVAILABLE, "restarting"}, .rejected = 0, .words = ""});
  receiver.AnswerNext({.status = {}, .rejected = 1, .words = "too old"});
  telemetry::LossLedger losses;
  ExportTarget target;
  target.endpoint = receiver.Endpoint();
  target.timeout = absl::Seconds(60);
  target.backoff_initial = absl::Milliseconds(10);
  TargetSender sender(
      target, [](const auto& channel) { return std::make_unique<OtlpProtocol>(channel, TestOrigin()); }, &losses);
  sender.Start();
  const profile::EncodedProfile window = TestWindow(Kind::kOffCpu, 300);
  ASSERT_TRUE(sender.Enqueue(window));
  sender.Stop(absl::Seconds(60));
  ASSERT_EQ(receiver.Taken().size(), 1u);
  EXPECT_EQ(AllOf(receiver.Taken()), ExpectedOf(window));
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "rejected_in_part");
  EXPECT_THAT(losses.Snapshot()[0].consequence, testing::HasSubstr("too old"));
}

}  // namespace
}  // namespace sonde::exporting
