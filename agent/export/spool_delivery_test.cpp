// The spool behind the sending engine.
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/export/push_receiver_for_test.h"
#include "agent/export/pyroscope_protocol.h"
#include "agent/export/spool.h"
#include "agent/export/spool_folder_for_test.h"
#include "agent/export/target_sender.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

constexpr char kEarlier[] = "8d7f2b1c-3333-4222-8333-944455556666";
constexpr char kLater[] = "8d7f2b1c-4444-4222-8333-944455556666";

// One run of an agent, as far as its profiles' way out goes.
struct SpooledRun {
  SpooledRun(const std::string& folder, const std::string& endpoint, const std::string& run) : instance(run) {
    SpoolOptions options;
    options.directory = folder + "/spool";
    options.linger = absl::ZeroDuration();
    spool = Spool::Open(options, {"target"}, &losses).value();
    ExportTarget target;
    target.endpoint = endpoint;
    target.backoff_initial = target.backoff_cap = absl::Milliseconds(100);
    sender = std::make_unique<TargetSender>(
        target,
        [](const std::shared_ptr<grpc::Channel>& channel) { return std::make_unique<PyroscopeProtocol>(channel); },
        &losses, spool->QueueOf(0));
    sender->Start();
  }
  ~SpooledRun() {
    sender->Stop(absl::ZeroDuration());
    spool->Stop();
  }
  void Make(uint64_t sequence) {
    profile::EncodedProfile profile;
    profile.instance = instance;
    profile.sequence = sequence;
    profile.pprof_gz = absl::StrCat(instance, " ", sequence);
    spool->Enqueue(std::move(profile));
  }

  const std::string instance;
  telemetry::LossLedger losses;
  std::unique_ptr<Spool> spool;
  std::unique_ptr<TargetSender> sender;
};

TEST(SpoolDelivery, SendsWhatAnEarlierRunMadeUnderThatRunsKey) {
  const SpoolFolder folder;
  PushReceiver collector;
  const std::string endpoint = collector.Start();
  collector.Stop();
  {
    SpooledRun earlier(folder.Path(), endpoint, kEarlier);
    for (uint64_t i = 1; i <= 3; ++i) earlier.Make(i);
    ASSERT_TRUE(earlier.spool->Flush(absl::Seconds(60)));
    EXPECT_EQ(earlier.sender->Stats().waiting, 3u);
  }
  PushReceiver again;
  again.Start(collector.Port());
  SpooledRun later(folder.Path(), endpoint, kLater);
  later.Make(1);
  std::vector<std::string> keys;
  for (const ReceivedPush& push : again.WaitFor(4)) {
    EXPECT_EQ(push.raw, absl::StrCat(push.instance, " ", push.sequence));
    keys.push_back(absl::StrCat(push.instance == kEarlier ? "earlier " : "later ", push.sequence));
  }
  EXPECT_THAT(keys, testing::ElementsAre("earlier 1", "earlier 2", "earlier 3", "later 1"));
  EXPECT_EQ(later.sender->Stats().dropped, 0u);
  EXPECT_TRUE(later.losses.Snapshot().empty());
}

TEST(SpoolDelivery, CountsWhatIsRefusedOnceAndNeverSendsItAgain) {
  const SpoolFolder folder;
  PushReceiver collector;
  const std::string endpoint = collector.Start();
  collector.AnswerNext({{grpc::StatusCode::INVALID_ARGUMENT, "too old"}});
  {
    SpooledRun run(folder.Path(), endpoint, kEarlier);
    run.Make(1);
    collector.WaitFor(1);
    run.Make(2);
    collector.WaitFor(2);
    run.sender->Stop(absl::Seconds(60));
    EXPECT_EQ(run.sender->Stats().dropped, 1u);
    EXPECT_EQ(run.sender->Stats().sent, 1u);
    EXPECT_EQ(run.sender->Stats().waiting, 0u);
  }
  SpooledRun next(folder.Path(), endpoint, kLater);
  next.Make(7);
  EXPECT_EQ(collector.WaitFor(3).back().sequence, "7");
}

}  // namespace
}  // namespace sonde::exporting
