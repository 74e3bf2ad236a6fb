#include "agent/export/target_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/export/faulty_relay_for_test.h"
#include "agent/export/push_receiver_for_test.h"
#include "agent/export/pyroscope_protocol.h"
#include "base/unique_fd.h"
#include "gmock/gmock.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "profile/pprof_file.h"
#include "proto/google/rpc/error_details.pb.h"
#include "proto/google/rpc/status.pb.h"
#include "proto/sonde/control/v1/control.grpc.pb.h"

namespace sonde::exporting {
namespace {

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

std::unique_ptr<Protocol> OverPyroscope(const std::shared_ptr<grpc::Channel>& channel) {
  return std::make_unique<PyroscopeProtocol>(channel);
}

// Takes everything, and says what it left out of it.
class Choosy : public Protocol {
 public:
  grpc::Status Push(grpc::ClientContext*, const profile::EncodedProfile& profile, Rejected* rejected) override {
    if (profile.sequence == 1) *rejected = {.profiles = 2, .why = "too\nold"};
    return grpc::Status::OK;
  }
};

ExportTarget Impatient(const std::string& endpoint) {
  ExportTarget target;
  target.endpoint = endpoint;
  target.timeout = absl::Seconds(5);
  target.backoff_initial = absl::Milliseconds(100);
  target.backoff_cap = absl::Milliseconds(200);
  return target;
}

profile::EncodedProfile Numbered(uint64_t sequence) {
  profile::EncodedProfile profile;
  profile.labels = {{"service_name", "web"}, {"node", "n1"}};
  profile.instance = kTestInstance;
  profile.sequence = sequence;
  profile.pprof_gz = absl::StrCat("profile ", sequence);
  return profile;
}

std::vector<std::string> Sequences(const std::vector<ReceivedPush>& pushes) {
  std::vector<std::string> sequences;
  for (const ReceivedPush& push : pushes) sequences.push_back(push.sequence);
  return sequences;
}

TEST(TargetSender, PushesEachProfileWithItsKey) {
  PushReceiver collector;
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  sender.Start();
  ASSERT_TRUE(sender.Enqueue(Numbered(7)));
  const std::vector<ReceivedPush> pushes = collector.WaitFor(1);
  sender.Stop(absl::Seconds(10));

  ASSERT_EQ(pushes.size(), 1u);
  EXPECT_EQ(pushes[0].instance, kTestInstance);
  EXPECT_EQ(pushes[0].sequence, "7");
  EXPECT_EQ(pushes[0].raw, "profile 7");
  EXPECT_EQ(sender.Stats().sent, 1u);
  EXPECT_GT(sender.Stats().last_success_unix_ns, 0);
  EXPECT_EQ(sender.Stats().last_error, "");
}

TEST(TargetSender, KeepsProfilesThroughAnOutageAndSendsThemInOrderOnce) {
  PushReceiver first;
  const std::string endpoint = first.Start();
  const int port = first.Port();
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(endpoint), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(Numbered(1));
  // Not before the answer has come: else this profile is, rightly, sent again.
  for (int i = 0; i < 300 && sender.Stats().sent == 0; ++i) absl::SleepFor(absl::Milliseconds(100));
  ASSERT_EQ(sender.Stats().sent, 1u);
  first.Stop();

  for (uint64_t i = 2; i <= 6; ++i) sender.Enqueue(Numbered(i));
  for (int i = 0; i < 300 && sender.Stats().last_error.empty(); ++i) absl::SleepFor(absl::Milliseconds(100));
  EXPECT_THAT(sender.Stats().last_error, testing::HasSubstr("UNAVAILABLE"));
  EXPECT_EQ(sender.Stats().waiting, 5u);
  EXPECT_GT(sender.Stats().waiting_bytes, 0u);

  PushReceiver second;
  second.Start(port);
  EXPECT_THAT(Sequences(second.WaitFor(5)), testing::ElementsAre("2", "3", "4", "5", "6"));
  sender.Stop(absl::Seconds(10));
  EXPECT_EQ(sender.Stats().sent, 6u);
  EXPECT_EQ(sender.Stats().dropped, 0u);
  EXPECT_TRUE(losses.Snapshot().empty());
}

TEST(TargetSender, ResendsTheVerySameBytesAndKey) {
  PushReceiver collector;
  collector.AnswerNext({{grpc::StatusCode::UNAVAILABLE, "restarting"},
                        {grpc::StatusCode::DEADLINE_EXCEEDED, "slow"},
                        {grpc::StatusCode::UNAUTHENTICATED, "token expired"},
                        {grpc::StatusCode::RESOURCE_EXHAUSTED, "rate limit"}});
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(Numbered(1));
  sender.Enqueue(Numbered(2));
  const std::vector<ReceivedPush> pushes = collector.WaitFor(6);
  sender.Stop(absl::Seconds(10));
  ASSERT_EQ(pushes.size(), 6u);
  for (int i = 1; i < 5; ++i) EXPECT_TRUE(SamePush(pushes[i], pushes[0])) << i;
  EXPECT_EQ(pushes[5].sequence, "2");
  EXPECT_NE(pushes[5].id, pushes[0].id);
  EXPECT_EQ(sender.Stats().sent, 2u);
  EXPECT_TRUE(losses.Snapshot().empty());
}

TEST(TargetSender, StaysAwayAsLongAsTheServerAsks) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(2);
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  PushReceiver collector;
  collector.AnswerNext({{grpc::StatusCode::RESOURCE_EXHAUSTED, "slower", details.SerializeAsString()}});
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(Numbered(1));
  std::vector<ReceivedPush> pushes = collector.WaitFor(2);
  ASSERT_EQ(pushes.size(), 2u);
  EXPECT_GE(pushes[1].at - pushes[0].at, absl::Seconds(2));

  collector.SetTrailer("grpc-retry-pushback-ms", "1500");
  collector.AnswerNext({{grpc::StatusCode::UNAVAILABLE, "later"}});
  sender.Enqueue(Numbered(2));
  pushes = collector.WaitFor(4);
  sender.Stop(absl::Seconds(10));
  ASSERT_EQ(pushes.size(), 4u);
  EXPECT_GE(pushes[3].at - pushes[2].at, absl::Milliseconds(1500));
  EXPECT_TRUE(losses.Snapshot().empty());
}

TEST(TargetSender, DoesNotLetAServersWishHoldUpTheStop) {
  PushReceiver collector;
  collector.SetTrailer("grpc-retry-pushback-ms", "600000");
  collector.AnswerNext({{grpc::StatusCode::UNAVAILABLE, "later"}});
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(Numbered(1));
  collector.WaitFor(1);
  sender.Stop(absl::Seconds(60));
  EXPECT_EQ(sender.Stats().sent, 1u);
}

TEST(TargetSender, GivesUpWhatIsRefusedForGoodAndCountsItByCode) {
  PushReceiver collector;
  collector.AnswerNext({{grpc::StatusCode::INVALID_ARGUMENT, "too old"}});
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(Numbered(1));
  sender.Enqueue(Numbered(2));
  EXPECT_THAT(Sequences(collector.WaitFor(2)), testing::ElementsAre("1", "2"));
  sender.Stop(absl::Seconds(10));
  EXPECT_EQ(sender.Stats().dropped, 1u);
  EXPECT_EQ(sender.Stats().sent, 1u);
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "refused_invalid_argument");
  EXPECT_THAT(losses.Snapshot()[0].consequence, testing::HasSubstr("too old"));
}

TEST(TargetSender, TriesASuspectProfileThreeTimesAndGoesOn) {
  PushReceiver collector;
  const grpc::Status corrupt(grpc::StatusCode::INTERNAL, "cannot inflate");
  collector.AnswerNext({corrupt, corrupt, corrupt});
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(Numbered(1));
  sender.Enqueue(Numbered(2));
  EXPECT_THAT(Sequences(collector.WaitFor(4)), testing::ElementsAre("1", "1", "1", "2"));
  sender.Stop(absl::Seconds(10));
  EXPECT_EQ(sender.Stats().dropped, 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "refused_internal");
}

TEST(TargetSender, CountsWhatTheTargetLeftOutAndNeverSendsItAgain) {
  telemetry::LossLedger losses;
  TargetSender sender(
      Impatient("127.0.0.1:1"), [](const std::shared_ptr<grpc::Channel>&) { return std::make_unique<Choosy>(); },
      &losses);
  sender.Enqueue(Numbered(1));
  sender.Enqueue(Numbered(2));
  sender.Start();
  sender.Stop(absl::Seconds(30));
  EXPECT_EQ(sender.Stats().sent, 1u);
  EXPECT_EQ(sender.Stats().dropped, 1u);
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "rejected_in_part");
  EXPECT_EQ(losses.Snapshot()[0].count, 1u);
  EXPECT_THAT(losses.Snapshot()[0].consequence, testing::HasSubstr("too?old"));
}

// Too many stacks for one push to Pyroscope, with the values 1, 2, ...
profile::EncodedProfile LargeProfile(int stacks) {
  profile::PprofBuilder builder(profile::Kind::kWall, 1, 60'000'000'000, 1);
  const uint64_t mapping = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
  for (int i = 1; i <= stacks; ++i) {
    const std::string name = absl::StrCat("f", i);
    const profile::PprofBuilder::Line line{.name = name, .system_name = "", .filename = "", .line = 0};
    const uint64_t stack[] = {builder.AddLocation(mapping, static_cast<uint64_t>(i), {&line, 1})};
    const int64_t value = i;
    builder.AddSample(stack, {&value, 1}, {});
  }
  profile::EncodedProfile profile = Numbered(1);
  profile.kind = profile::Kind::kWall;
  profile.pprof_gz = profile::Encode(std::move(builder).Build());
  return profile;
}

int64_t SumOf(const std::vector<ReceivedPush>& pushes) {
  int64_t sum = 0;
  for (const ReceivedPush& push : pushes) {
    const absl::StatusOr<profile::Pprof> pprof = profile::Decode(push.raw, size_t{64} << 20);
    if (!pprof.ok()) return -1;
    for (const auto& sample : pprof->sample()) sum += sample.value(0);
  }
  return sum;
}

TEST(TargetSender, PushesAProfileThatIsTooLargeInPartsWithKeysOfTheirOwn) {
  constexpr int kStacks = 20'000;
  PushReceiver collector;
  // One part is asked for again: with the same key and bytes, and the others only once.
  collector.AnswerNext({grpc::Status::OK, {grpc::StatusCode::UNAVAILABLE, "restarting"}});
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(LargeProfile(kStacks));
  sender.Stop(absl::Seconds(60));
  const std::vector<ReceivedPush> pushes = collector.WaitFor(3);
  ASSERT_EQ(pushes.size(), 3u);
  EXPECT_EQ(pushes[0].instance, absl::StrCat(kTestInstance, "/2"));
  EXPECT_EQ(pushes[1].instance, absl::StrCat(kTestInstance, "/3"));
  EXPECT_TRUE(SamePush(pushes[1], pushes[2]));
  EXPECT_NE(pushes[0].id, pushes[1].id);
  EXPECT_EQ(SumOf({pushes[0], pushes[1]}), int64_t{kStacks} * (kStacks + 1) / 2);
  EXPECT_EQ(sender.Stats().sent, 1u);
  EXPECT_TRUE(losses.Snapshot().empty());
}

TEST(TargetSender, CutsWhatTheServerSaysIsTooLarge) {
  PushReceiver collector;
  collector.AnswerNext({{grpc::StatusCode::RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 4)"}});
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(LargeProfile(100));
  sender.Enqueue(Numbered(2));
  sender.Stop(absl::Seconds(60));
  const std::vector<ReceivedPush> pushes = collector.WaitFor(4);
  ASSERT_EQ(pushes.size(), 4u);
  EXPECT_EQ(SumOf({pushes[0]}), 5050);
  EXPECT_EQ(SumOf({pushes[1], pushes[2]}), 5050);
  EXPECT_EQ(sender.Stats().sent, 2u);
  EXPECT_TRUE(losses.Snapshot().empty());
}

TEST(TargetSender, CountsAProfileOnceWhoseEveryPartIsRefused) {
  PushReceiver collector;
  collector.AnswerAlways({grpc::StatusCode::INVALID_ARGUMENT, "too old"});
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(LargeProfile(20'000));
  sender.Stop(absl::Seconds(60));
  EXPECT_EQ(sender.Stats().sent, 0u);
  EXPECT_EQ(sender.Stats().dropped, 1u);
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].count, 1u);
  EXPECT_THAT(losses.Snapshot()[0].what, testing::StartsWith("profile for"));
}

TEST(TargetSender, LooksForABadSampleOnceAndNotWhereAllAreRefused) {
  PushReceiver collector;
  collector.AnswerAlways({grpc::StatusCode::INVALID_ARGUMENT, "too old"});
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(LargeProfile(1'000));
  for (int i = 0; i < 300 && sender.Stats().dropped == 0; ++i) absl::SleepFor(absl::Milliseconds(100));
  const size_t searched = collector.WaitFor(1).size();
  EXPECT_LE(searched, 65u);  // 32 refusals for which a part was cut in two, and the parts
  for (int i = 0; i < 10; ++i) sender.Enqueue(LargeProfile(1'000));
  sender.Stop(absl::Seconds(60));
  EXPECT_EQ(collector.WaitFor(1).size(), searched + 10);
  EXPECT_EQ(sender.Stats().sent, 0u);
  EXPECT_EQ(sender.Stats().dropped, 11u);
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].count, 11u);
}

TEST(TargetSender, TriesAtOnceWithOtherCredentials) {
  PushReceiver collector;
  collector.AnswerNext({{grpc::StatusCode::UNAUTHENTICATED, "who are you?"}});
  ExportTarget target = Impatient(collector.Start());
  target.backoff_initial = target.backoff_cap = absl::Hours(1);
  collector.SetTrailer("grpc-retry-pushback-ms", "600000");
  telemetry::LossLedger losses;
  TargetSender sender(target, OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(Numbered(1));
  collector.WaitFor(1);
  target.tenant = "team-b";
  target.headers = {{"x-site", "berlin"}};
  sender.SetAccess(target);
  const std::vector<ReceivedPush> pushes = collector.WaitFor(2);  // hours before it is due
  ASSERT_EQ(pushes.size(), 2u);
  EXPECT_TRUE(SamePush(pushes[0], pushes[1]));
  EXPECT_FALSE(pushes[0].metadata.contains("x-scope-orgid"));
  EXPECT_EQ(pushes[1].metadata.at("x-scope-orgid"), "team-b");
  EXPECT_EQ(pushes[1].metadata.at("x-site"), "berlin");
  sender.Stop(absl::Seconds(10));
  EXPECT_EQ(sender.Stats().sent, 1u);
}

TEST(TargetSender, DropsAndCountsTheOldestWhenMemoryIsFull) {
  PushReceiver collector;
  ExportTarget target = Impatient(collector.Start());
  target.max_queue_items = 3;
  telemetry::LossLedger losses;
  TargetSender sender(target, OverPyroscope, &losses);
  for (uint64_t i = 1; i <= 5; ++i) EXPECT_TRUE(sender.Enqueue(Numbered(i)));
  EXPECT_EQ(sender.Stats().waiting, 3u);
  sender.Start();
  EXPECT_THAT(Sequences(collector.WaitFor(3)), testing::ElementsAre("3", "4", "5"));
  sender.Stop(absl::Seconds(10));
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "queue_full");
  EXPECT_EQ(losses.Snapshot()[0].count, 2u);
  EXPECT_EQ(sender.Stats().dropped, 2u);
}

TEST(TargetSender, StopsWithinItsDeadlineBeforeABlackHole) {
  BlackHole hole;
  ExportTarget target = Impatient(absl::StrCat("127.0.0.1:", hole.Port()));
  target.timeout = absl::Hours(1);
  telemetry::LossLedger losses;
  TargetSender sender(target, OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(Numbered(1));
  sender.Enqueue(Numbered(2));
  const absl::Time before = absl::Now();
  sender.Stop(absl::Milliseconds(500));
  // The push alone would have taken an hour.
  EXPECT_LT(absl::Now() - before, absl::Seconds(30));
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "unsent_at_stop");
  EXPECT_EQ(losses.Snapshot()[0].count, 2u);
  EXPECT_EQ(sender.Stats().waiting, 0u);
}

TEST(TargetSender, OutlivesEveryWayInWhichAConnectionCanFail) {
  using Fault = FaultyRelay::Fault;
  PushReceiver collector;
  collector.Start();
  FaultyRelay relay(collector.Port(), {Fault::kReset, Fault::kStall, Fault::kHalfClose, Fault::kReset, Fault::kDrip});
  ExportTarget target = Impatient(relay.Address());
  target.timeout = absl::Seconds(2);
  telemetry::LossLedger losses;
  TargetSender sender(target, OverPyroscope, &losses);
  sender.Start();
  for (uint64_t i = 1; i <= 3; ++i) {
    profile::EncodedProfile profile = Numbered(i);
    profile.pprof_gz.resize(100'000, 'x');  // of no format: it is as large on the wire
    sender.Enqueue(std::move(profile));
  }
  for (int i = 0; i < 1'200 && sender.Stats().sent < 3; ++i) absl::SleepFor(absl::Milliseconds(100));
  sender.Stop(absl::Seconds(10));
  EXPECT_EQ(sender.Stats().sent, 3u);
  EXPECT_TRUE(losses.Snapshot().empty());
  EXPECT_GE(relay.Connections(), 5);
  // What came more than once, since an answer was lost, has the key and the bytes by which a collector knows it.
  std::map<std::string, ReceivedPush> first;
  for (const ReceivedPush& push : collector.WaitFor(3)) {
    EXPECT_TRUE(SamePush(first.try_emplace(push.sequence, push).first->second, push));
  }
  EXPECT_EQ(first.size(), 3u);
}

TEST(TargetSender, FlushesWhatWaitsBeforeItStops) {
  PushReceiver collector;
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(collector.Start()), OverPyroscope, &losses);
  for (uint64_t i = 1; i <= 20; ++i) sender.Enqueue(Numbered(i));
  sender.Start();
  sender.Stop(absl::Seconds(30));
  EXPECT_EQ(sender.Stats().sent, 20u);
  EXPECT_TRUE(losses.Snapshot().empty());
  EXPECT_FALSE(sender.Enqueue(Numbered(21)));
  EXPECT_EQ(sender.Stats().dropped, 1u);
}

TEST(TargetSender, NamesTheRightPortWhenTheServiceIsNotThere) {
  control::v1::Control::Service other_service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&other_service);
  const std::unique_ptr<grpc::Server> wrong_server = builder.BuildAndStart();
  telemetry::LossLedger losses;
  TargetSender sender(Impatient(absl::StrCat("127.0.0.1:", port)), OverPyroscope, &losses);
  sender.Start();
  sender.Enqueue(Numbered(1));
  sender.Stop(absl::Seconds(10));
  EXPECT_THAT(sender.Stats().last_error, testing::HasSubstr("4040"));
  ASSERT_EQ(losses.Snapshot().size(), 1u);
  EXPECT_EQ(losses.Snapshot()[0].cause, "refused_unimplemented");
}

}  // namespace
}  // namespace sonde::exporting
