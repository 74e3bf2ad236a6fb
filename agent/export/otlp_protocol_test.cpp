#include "agent/export/otlp_protocol.h"

#include <array>
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

  // Takes no request that has a profile of this service.
  void Refuse(const std::string& service) {
    absl::MutexLock lock(&mutex_);
    refused_service_ = service;
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
    for (const auto& of_resource : request->resource_profiles()) {
      for (const auto& attribute : of_resource.resource().attributes()) {
        if (attribute.value().string_value() == refused_service_) {
          return {grpc::StatusCode::INVALID_ARGUMENT, "not that one"};
        }
      }
    }
    taken_.push_back(*request);
    response->mutable_partial_success()->set_rejected_profiles(answer.rejected);
    response->mutable_partial_success()->set_error_message(answer.words);
    return grpc::Status::OK;
  }

  mutable absl::Mutex mutex_;
  std::deque<Answer> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<OtlpRequest> taken_ ABSL_GUARDED_BY(mutex_);
  std::string refused_service_ ABSL_GUARDED_BY(mutex_) = "none";
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

// A window of all kinds of these services, by an agent whose `first` profile it is.
std::vector<profile::EncodedProfile> WindowOf(const std::vector<std::string>& services, uint64_t first = 1) {
  std::vector<profile::EncodedProfile> window;
  for (Kind kind : profile::AllKinds()) {
    for (const std::string& service : services) {
      window.push_back(TestWindow(kind, 20));
      window.back().labels["service_name"] = service;
      window.back().sequence = first + window.size() - 1;
    }
  }
  window.back().ends_window = true;
  return window;
}

Told ExpectedOfAll(const std::vector<profile::EncodedProfile>& profiles) {
  Told all;
  for (const profile::EncodedProfile& one : profiles) {
    for (const auto& [what, value] : ExpectedOf(one)) all[what] += value;
  }
  return all;
}

// What becomes of these profiles by a sender that has them all before it starts.
struct Sent {
  TargetStats stats;
  std::vector<telemetry::Loss> losses;
};
Sent SendTo(OtlpReceiver* receiver, const std::vector<profile::EncodedProfile>& profiles) {
  telemetry::LossLedger losses;
  ExportTarget target;
  target.endpoint = receiver->Endpoint();
  target.timeout = absl::Seconds(60);
  target.backoff_initial = absl::Milliseconds(10);
  TargetSender sender(
      target, [](const auto& channel) { return std::make_unique<OtlpProtocol>(channel, TestOrigin()); }, &losses);
  for (const profile::EncodedProfile& one : profiles) sender.Enqueue(one);
  sender.Start();
  sender.Stop(absl::Seconds(60));
  return {sender.Stats(), losses.Snapshot()};
}

TEST(OtlpProtocol, ASenderPutsAWindowIntoOneRequestAndAnotherWindowIntoAnother) {
  OtlpReceiver receiver;
  std::vector<profile::EncodedProfile> windows = WindowOf({"web", "db"});
  for (profile::EncodedProfile one : WindowOf({"web"}, 9)) {
    one.start_unix_ns = 60'000'000'000;
    windows.push_back(std::move(one));
  }
  const Sent sent = SendTo(&receiver, windows);
  ASSERT_EQ(receiver.Taken().size(), 2u);
  EXPECT_EQ(receiver.Taken()[0].resource_profiles_size(), 2);
  EXPECT_EQ(receiver.Taken()[1].resource_profiles_size(), 1);
  EXPECT_EQ(AllOf(receiver.Taken()), ExpectedOfAll(windows));
  EXPECT_EQ(sent.stats.sent, 3 * profile::AllKinds().size());
  EXPECT_TRUE(sent.losses.empty());
}

TEST(OtlpProtocol, ASenderDeliversAllOfAWindowButWhatIsRefused) {
  OtlpReceiver receiver;
  receiver.Refuse("db");
  std::vector<profile::EncodedProfile> window = WindowOf({"web", "db", "api"});
  const size_t good = 2 * profile::AllKinds().size() - 1;
  window[0].pprof_gz = "not a profile";
  const Sent sent = SendTo(&receiver, window);
  window.erase(window.begin());
  std::erase_if(window, [](const auto& one) { return one.labels.at("service_name") == "db"; });
  EXPECT_EQ(AllOf(receiver.Taken()), ExpectedOfAll(window));
  EXPECT_EQ(sent.stats.sent, good);
  EXPECT_EQ(sent.stats.dropped, profile::AllKinds().size() + 1);
  ASSERT_FALSE(sent.losses.empty());
  for (const telemetry::Loss& loss : sent.losses) EXPECT_EQ(loss.cause, "refused_invalid_argument");
}

TEST(OtlpProtocol, ASenderTriesAWindowAgainAfterAnOutageAndCountsItOnce) {
  OtlpReceiver receiver;
  for (int i = 0; i < 2; ++i) {
    receiver.AnswerNext({.status = {grpc::StatusCode::UNAVAILABLE, "restarting"}, .rejected = 0, .words = ""});
  }
  const std::vector<profile::EncodedProfile> window = WindowOf({"web", "db"});
  const Sent sent = SendTo(&receiver, window);
  ASSERT_EQ(receiver.Taken().size(), 1u);
  EXPECT_EQ(AllOf(receiver.Taken()), ExpectedOfAll(window));
  EXPECT_EQ(sent.stats.sent, 2 * profile::AllKinds().size());
  EXPECT_TRUE(sent.losses.empty());
}

TEST(OtlpProtocol, ASenderPutsNoMoreIntoARequestThanServersTakeByDefault) {
  OtlpReceiver receiver;  // refuses more than 4 MiB as gRPC does
  std::vector<profile::EncodedProfile> window;
  int64_t expected = 0;
  for (const char* service : {"a", "b", "c"}) {
    profile::PprofBuilder builder(Kind::kWall, 1, 60'000'000'000, 1);
    for (int64_t i = 1; i <= 8'000; ++i, expected += i) {
      const std::string name = absl::StrCat(service, i, std::string(200, 'x'));
      const profile::PprofBuilder::Line line{.name = name, .system_name = "", .filename = "", .line = 0};
      builder.AddSample(std::array{builder.AddLocation(0, static_cast<uint64_t>(i), {&line, 1})}, std::array{i + 1},
                        {});
    }
    window.push_back(TestWindow(Kind::kWall, 1));
    window.back().sequence = window.size();
    window.back().labels["service_name"] = service;
    window.back().pprof_gz = profile::Encode(std::move(builder).Build());
  }
  const Sent sent = SendTo(&receiver, window);
  EXPECT_EQ(sent.stats.sent, 3u);
  EXPECT_TRUE(sent.losses.empty());
  EXPECT_EQ(receiver.Taken().size(), 3u) << "two are more than fit";
  int64_t told = 0;
  for (const auto& [what, value] : AllOf(receiver.Taken())) told += value;
  EXPECT_EQ(told, expected);
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
