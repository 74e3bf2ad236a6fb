#include "agent/export/pyroscope_exporter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <deque>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "gmock/gmock.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "proto/sonde/control/v1/control.grpc.pb.h"

namespace sonde::exporting {
namespace {

constexpr char kInstance[] = "8d7f2b1c-1111-4222-8333-944455556666";

struct Received {
  std::string instance;
  std::string sequence;
  std::string id;
  std::string raw;
  std::map<std::string, std::string> labels;

  friend bool operator==(const Received&, const Received&) = default;
};

// A collector on loopback that writes down every push and answers with the codes it was told, then OK.
class Collector : public push::v1::PusherService::Service {
 public:
  ~Collector() override { Stop(); }

  // `port` 0 takes a free one; returns host:port.
  std::string Start(int port = 0) {
    grpc::ServerBuilder builder;
    int bound = 0;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(), &bound);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    port_ = bound;
    return absl::StrCat("127.0.0.1:", bound);
  }
  void Stop() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  int Port() const { return port_; }

  void AnswerNext(std::vector<grpc::Status> answers) {
    absl::MutexLock lock(&mutex_);
    answers_.assign(answers.begin(), answers.end());
  }

  std::vector<Received> WaitFor(size_t count) {
    absl::MutexLock lock(&mutex_);
    auto enough = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return received_.size() >= count; };
    mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(30));
    return received_;
  }

 private:
  grpc::Status Push(grpc::ServerContext* context, const push::v1::PushRequest* request,
                    push::v1::PushResponse*) override {
    Received push;
    auto metadata = [&](const char* key) {
      auto found = context->client_metadata().find(key);
      return found == context->client_metadata().end() ? std::string()
                                                       : std::string(found->second.data(), found->second.size());
    };
    push.instance = metadata("sonde-instance");
    push.sequence = metadata("sonde-sequence");
    push.id = request->series(0).samples(0).id();
    push.raw = request->series(0).samples(0).raw_profile();
    for (const auto& label : request->series(0).labels()) push.labels[label.name()] = label.value();
    absl::MutexLock lock(&mutex_);
    received_.push_back(std::move(push));
    if (answers_.empty()) return grpc::Status::OK;
    const grpc::Status answer = answers_.front();
    answers_.pop_front();
    return answer;
  }

  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  absl::Mutex mutex_;
  std::deque<grpc::Status> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<Received> received_ ABSL_GUARDED_BY(mutex_);
};

// A listening socket whose connections nobody ever accepts.
class BlackHole {
 public:
  BlackHole() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd_.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(fd_.Get(), 8);
    socklen_t length = sizeof(address);
    getsockname(fd_.Get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  int Port() const { return port_; }

 private:
  base::UniqueFd fd_;
  int port_ = 0;
};

ExportTarget Impatient(const std::string& endpoint) {
  ExportTarget target;
  target.endpoint = endpoint;
  target.timeout = absl::Seconds(5);
  target.backoff_initial = absl::Milliseconds(100);
  target.backoff_cap = absl::Milliseconds(200);
  return target;
}

profile::EncodedProfile Profile(uint64_t sequence) {
  profile::EncodedProfile profile;
  profile.labels = {{"service_name", "web"}, {"node", "n1"}};
  profile.sequence = sequence;
  profile.pprof_gz = absl::StrCat("profile ", sequence);
  return profile;
}

std::vector<std::string> Sequences(const std::vector<Received>& pushes) {
  std::vector<std::string> sequences;
  for (const Received& push : pushes) sequences.push_back(push.sequence);
  return sequences;
}

TEST(PyroscopeExporter, PushesOneProfileWithItsLabelsNameAndKey) {
  Collector collector;
  telemetry::LossLedger losses;
  PyroscopeExporter exporter(Impatient(collector.Start()), kInstance, &losses);
  exporter.Start();
  ASSERT_TRUE(exporter.Enqueue(Profile(7)));
  const std::vector<Received> pushes = collector.WaitFor(1);
  exporter.Stop(absl::Seconds(10));

  ASSERT_EQ(pushes.size(), 1u);
  EXPECT_EQ(pushes[0].instance, kInstance);
  EXPECT_EQ(pushes[0].sequence, "7");
  EXPECT_EQ(pushes[0].raw, "profile 7");
  EXPECT_THAT(pushes[0].id, testing::MatchesRegex("[0-9a-f]+-[0-9a-f]+-8[0-9a-f]+-[89ab][0-9a-f]+-[0-9a-f]+"));
  EXPECT_EQ(pushes[0].id.size(), 36u);
  EXPECT_EQ(pushes[0].labels.at("__name__"), "process_cpu");
  EXPECT_EQ(pushes[0].labels.at("service_name"), "web");
  EXPECT_EQ(pushes[0].labels.at("node"), "n1");
  EXPECT_EQ(exporter.Stats().sent, 1u);
  EXPECT_GT(exporter.Stats().last_success_unix_ns, 0);
  EXPECT_EQ(exporter.Stats().last_error, "");
}

TEST(PyroscopeExporter, KeepsProfilesThroughAnOutageAndSendsThemInOrderOnce) {
  Collector first;
  const std::string endpoint = first.Start();
  const int port = first.Port();
  telemetry::LossLedger losses;
  PyroscopeExporter exporter(Impatient(endpoint), kInstance, &losses);
  exporter.Start();
  exporter.Enqueue(Profile(1));
  // Not before the answer has come: else this profile is, rightly, sent again.
  for (int i = 0; i < 300 && exporter.Stats().sent == 0; ++i) absl::SleepFor(absl::Milliseconds(100));
  ASSERT_EQ(exporter.Stats().sent, 1u);
  first.Stop();

  for (uint64_t i = 2; i <= 6; ++i) exporter.Enqueue(Profile(i));
  for (int i = 0; i < 300 && exporter.Stats().last_error.empty(); ++i) absl::SleepFor(absl::Milliseconds(100));
  EXPECT_THAT(exporter.Stats().last_error, testing::HasSubstr("UNAVAILABLE"));
  EXPECT_EQ(exporter.Stats().waiting, 5u);
  EXPECT_GT(exporter.Stats().waiting_bytes, 0u);

  Collector second;
  second.Start(port);
  EXPECT_THAT(Sequences(second.WaitFor(5)), testing::ElementsAre("2", "3", "4", "5", "6"));
  exporter.Stop(absl::Seconds(10));
  EXPECT_EQ(exporter.Stats().sent, 6u);
  EXPECT_EQ(exporter.Stats().dropped, 0u);
  EXPECT_TRUE(losses.Snapshot().empty());
}

TEST(PyroscopeExporter, ResendsTheVerySameBytesAndKey) {
  Collector collector;
  collector.AnswerNext({{grpc::StatusCode::UNAVAILABLE, "restarting"},
                        {grpc::StatusCode::DEADLINE_EXCEEDED, "slow"},
                        {grpc::StatusCode::UNAUTHENTICATED, "token expired"},
                        {grpc::StatusCode::RESOURCE_EXHAUSTED, "rate limit"}});
  telemetry::LossLedger losses;
  PyroscopeExporter exporter(Impatient(collector.Start()), kInstance, &losses);
  exporter.Start();
  exporter.Enqueue(Profile(1));
  exporter.Enqueue(Profile(2));
  const std::vector<Received> pushes = collector.WaitFor(6);
  exporter.Stop(absl::Seconds(10));
  ASSERT_EQ(pushes.size(), 6u);
  for (int i = 1; i < 5; ++i) EXPECT_EQ(pushes[i], pushes[0]);
  EXPECT_EQ(pushes[5].sequence, "2");
  EXPECT_NE(pushes[5].id, pushes[0].id);
  EXPECT_EQ(exporter.Stats().sent, 2u);
  EXPECT_TRUE(losses.Snapshot().empty());
}

TEST(PyroscopeExporter, GivesUpWhatIsRefusedForGoodAndCountsItByCode) {
  Collector collector;
  collector.AnswerNext({{grpc::StatusCode::INVALID_ARGUMENT, "too old"}});
  telemetry::LossLedger losses;
  PyroscopeExporter exporter(Impatient(collector.Start()), kInstance, &losses);
  exporter.Start();
  exporter.Enqueue(Profile(1));
  exporter.Enqueue(Profile(2));
  EXPECT_THAT(Sequences(collector.WaitFor(2)), testing::ElementsAre("1", "2"));
  exporter.Stop(absl::Seconds(10));
  EXPECT_EQ(exporter.Stats().dropped, 1u);
  EXPECT_EQ(exporter.Stats().sent, 1u);
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "refused_invalid_argument");
  EXPECT_THAT(losses.Snapshot()[0].consequence, testing::HasSubstr("too old"));
}

TEST(PyroscopeExporter, TriesASuspectProfileThreeTimesAndGoesOn) {
  Collector collector;
  const grpc::Status corrupt(grpc::StatusCode::INTERNAL, "cannot inflate");
  collector.AnswerNext({corrupt, corrupt, corrupt});
  telemetry::LossLedger losses;
  PyroscopeExporter exporter(Impatient(collector.Start()), kInstance, &losses);
  exporter.Start();
  exporter.Enqueue(Profile(1));
  exporter.Enqueue(Profile(2));
  EXPECT_THAT(Sequences(collector.WaitFor(4)), testing::ElementsAre("1", "1", "1", "2"));
  exporter.Stop(absl::Seconds(10));
  EXPECT_EQ(exporter.Stats().dropped, 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "refused_internal");
}

TEST(PyroscopeExporter, DropsAndCountsTheOldestWhenMemoryIsFull) {
  Collector collector;
  ExportTarget target = Impatient(collector.Start());
  target.max_queue_items = 3;
  telemetry::LossLedger losses;
  PyroscopeExporter exporter(target, kInstance, &losses);
  for (uint64_t i = 1; i <= 5; ++i) EXPECT_TRUE(exporter.Enqueue(Profile(i)));
  EXPECT_EQ(exporter.Stats().waiting, 3u);
  exporter.Start();
  EXPECT_THAT(Sequences(collector.WaitFor(3)), testing::ElementsAre("3", "4", "5"));
  exporter.Stop(absl::Seconds(10));
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "queue_full");
  EXPECT_EQ(losses.Snapshot()[0].count, 2u);
  EXPECT_EQ(exporter.Stats().dropped, 2u);
}

TEST(PyroscopeExporter, StopsWithinItsDeadlineBeforeABlackHole) {
  BlackHole hole;
  ExportTarget target = Impatient(absl::StrCat("127.0.0.1:", hole.Port()));
  target.timeout = absl::Hours(1);
  telemetry::LossLedger losses;
  PyroscopeExporter exporter(target, kInstance, &losses);
  exporter.Start();
  exporter.Enqueue(Profile(1));
  exporter.Enqueue(Profile(2));
  const absl::Time before = absl::Now();
  exporter.Stop(absl::Milliseconds(500));
  // The push alone would have taken an hour.
  EXPECT_LT(absl::Now() - before, absl::Seconds(30));
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "unsent_at_stop");
  EXPECT_EQ(losses.Snapshot()[0].count, 2u);
  EXPECT_EQ(exporter.Stats().waiting, 0u);
}

TEST(PyroscopeExporter, FlushesWhatWaitsBeforeItStops) {
  Collector collector;
  telemetry::LossLedger losses;
  PyroscopeExporter exporter(Impatient(collector.Start()), kInstance, &losses);
  for (uint64_t i = 1; i <= 20; ++i) exporter.Enqueue(Profile(i));
  exporter.Start();
  exporter.Stop(absl::Seconds(30));
  EXPECT_EQ(exporter.Stats().sent, 20u);
  EXPECT_TRUE(losses.Snapshot().empty());
  EXPECT_FALSE(exporter.Enqueue(Profile(21)));
  EXPECT_EQ(exporter.Stats().dropped, 1u);
}

TEST(PyroscopeExporter, NamesTheRightPortWhenTheServiceIsNotThere) {
  control::v1::Control::Service other_service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&other_service);
  const std::unique_ptr<grpc::Server> wrong_server = builder.BuildAndStart();
  telemetry::LossLedger losses;
  PyroscopeExporter exporter(Impatient(absl::StrCat("127.0.0.1:", port)), kInstance, &losses);
  exporter.Start();
  exporter.Enqueue(Profile(1));
  exporter.Stop(absl::Seconds(10));
  EXPECT_THAT(exporter.Stats().last_error, testing::HasSubstr("4040"));
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "refused_unimplemented");
}

}  // namespace
}  // namespace sonde::exporting
