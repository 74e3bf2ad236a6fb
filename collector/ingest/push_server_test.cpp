#include "collector/ingest/push_server.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <limits>
#include <thread>

#include "collector/ingest/testing/pushes.h"
#include "collector/ingest/wire_check.h"
#include "collector/store/reader.h"
#include "proto/parca/profilestore/v1alpha1/profilestore.grpc.pb.h"
#include "proto/push/v1/push.grpc.pb.h"

namespace sonde::ingest {
namespace {

using ::testing::HasSubstr;
using testing::WallRequest;

class PushServerTest : public ::testing::Test {
 protected:
  PushServerTest() : directory_(::testing::TempDir() + "/sonde_push_XXXXXX") {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    writer_ = *store::Writer::Open(directory_);
    auto server = PushServer::Start("127.0.0.1:0", Limits{}, writer_.get(), &statistics_);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->Port()), grpc::InsecureChannelCredentials());
    stub_ = ::push::v1::PusherService::NewStub(channel_);
  }
  ~PushServerTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  grpc::Status Push(const ::push::v1::PushRequest& request, const std::string& instance = "",
                    const std::string& sequence = "") {
    grpc::ClientContext context;
    if (!instance.empty()) context.AddMetadata(kInstanceKey, instance);
    if (!sequence.empty()) context.AddMetadata(kSequenceKey, sequence);
    ::push::v1::PushResponse response;
    return stub_->Push(&context, request, &response);
  }

  int64_t StoredProfiles() {
    store::VolumeCache cache;
    auto series = store::Reader::Open(directory_, &cache)->ListSeries("", {0, std::numeric_limits<int64_t>::max()});
    EXPECT_TRUE(series.ok()) << series.status();
    int64_t count = 0;
    for (const auto& one : *series) count += one.profiles;
    return count;
  }

  uint64_t Count(PushOutcome outcome) const { return statistics_.Counts().outcomes[static_cast<size_t>(outcome)]; }

  std::string directory_;
  PushStatistics statistics_;
  std::unique_ptr<store::Writer> writer_;
  std::unique_ptr<PushServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<::push::v1::PusherService::Stub> stub_;
};

TEST_F(PushServerTest, AnswersOkOnceTheProfileIsStored) {
  grpc::Status status = Push(WallRequest(100, 1));
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(StoredProfiles(), 1);
}

TEST_F(PushServerTest, StoresAResentRequestOnce) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Push(WallRequest(100, 1), "a-uuid", "1").ok());
  EXPECT_EQ(StoredProfiles(), 1);
  EXPECT_TRUE(Push(WallRequest(100, 1), "a-uuid", "2").ok());
  EXPECT_EQ(StoredProfiles(), 2);
  EXPECT_EQ(Count(PushOutcome::kStored), 2U);
  EXPECT_EQ(Count(PushOutcome::kDuplicate), 2U);
}

TEST_F(PushServerTest, CountsWhatCameAndWhatBecameOfIt) {
  const auto request = WallRequest(100, 1);
  EXPECT_TRUE(Push(request).ok());
  EXPECT_EQ(Push({}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  Push(request, "a-uuid", "one");
  auto broken = request;
  broken.mutable_series(0)->mutable_samples(0)->set_raw_profile("no profile");
  Push(broken);
  const PushCounts counts = statistics_.Counts();
  EXPECT_EQ(Count(PushOutcome::kStored), 1U);
  EXPECT_EQ(Count(PushOutcome::kEmpty), 1U);
  EXPECT_EQ(Count(PushOutcome::kBadKey), 1U);
  EXPECT_EQ(Count(PushOutcome::kBadProfile), 1U);
  EXPECT_EQ(counts.profiles, 1U);
  EXPECT_EQ(counts.samples, 1U);
  EXPECT_EQ(counts.bytes, 2 * request.ByteSizeLong() + broken.ByteSizeLong());
  EXPECT_EQ(counts.in_flight, 0U);
  EXPECT_GT(counts.durations.sum_seconds, 0);
}

TEST_F(PushServerTest, StoresEveryRequestThatHasNoIdentity) {
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Push(WallRequest(100, 1)).ok());
  EXPECT_EQ(StoredProfiles(), 2);
}

TEST_F(PushServerTest, RefusesAHalfGivenIdentity) {
  EXPECT_EQ(Push(WallRequest(100, 1), "a-uuid", "").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Push(WallRequest(100, 1), "", "1").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Push(WallRequest(100, 1), "a-uuid", "one").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Push(WallRequest(100, 1), std::string(65, 'u'), "1").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(StoredProfiles(), 0);
}

TEST_F(PushServerTest, StoresNothingOfARequestWithOneBadProfile) {
  auto request = WallRequest(100, 1);
  request.mutable_series(0)->add_samples()->set_raw_profile("\x1f\x8b broken");
  grpc::Status status = Push(request, "a-uuid", "1");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("profile 1"));
  EXPECT_EQ(StoredProfiles(), 0);
}

TEST_F(PushServerTest, RefusesAProfileOverTheLimitByName) {
  profile::Pprof large = testing::OneStack(profile::Kind::kWall, 1, 1);
  large.add_string_table(std::string(17 << 20, 'x'));
  grpc::Status status = Push(testing::RequestOf(profile::Encode(large), {{"__name__", "wall"}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("16777216"));
}

TEST_F(PushServerTest, RefusesBytesThatAreNoRequest) {
  grpc::GenericStub raw(channel_);
  grpc::Slice slice("\x0a\x7fgarbage");
  grpc::ByteBuffer request(&slice, 1), response;
  grpc::ClientContext context;
  std::promise<grpc::Status> done;
  raw.UnaryCall(&context, "/push.v1.PusherService/Push", grpc::StubOptions(), &request, &response,
                [&done](grpc::Status status) { done.set_value(std::move(status)); });
  grpc::Status status = done.get_future().get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("PushRequest"));
  EXPECT_EQ(Count(PushOutcome::kBadMessage), 1U);
}

TEST_F(PushServerTest, TakesProfilesFromParcasAgentsToo) {
  namespace parca = ::parca::profilestore::v1alpha1;
  auto parca_stub = parca::ProfileStoreService::NewStub(channel_);
  auto write = [&](const parca::WriteRawRequest& request) {
    grpc::ClientContext context;
    context.AddMetadata(kInstanceKey, "agent");
    context.AddMetadata(kSequenceKey, "7");
    parca::WriteRawResponse response;
    return parca_stub->WriteRaw(&context, request, &response);
  };
  parca::WriteRawRequest request;
  auto* series = request.add_series();
  for (const auto& [name, value] : {std::pair("__name__", "parca_agent"), std::pair("node", "n")}) {
    auto* label = series->mutable_labels()->add_labels();
    label->set_name(name);
    label->set_value(value);
  }
  series->add_samples()->set_raw_profile(profile::Encode(testing::OneStack(profile::Kind::kCpu, 100, 1)));
  EXPECT_TRUE(write(request).ok());
  EXPECT_TRUE(write(request).ok());  // a resend
  store::VolumeCache cache;
  auto all = store::Reader::Open(directory_, &cache)
                 ->ListSeries("parca_agent:samples", {0, std::numeric_limits<int64_t>::max()});
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().profiles, 1);
  EXPECT_EQ(all->front().labels, (profile::Labels{{"node", "n"}}));
  series->mutable_labels()->mutable_labels()->DeleteSubrange(0, 1);
  EXPECT_THAT(write(request).error_message(), HasSubstr("__name__"));
  parca::WriteRawRequest wide;
  for (int i = 0; i <= kMaxRequestEntries; ++i) wide.mutable_series()->Add()->mutable_labels();
  EXPECT_THAT(write(wide).error_message(), HasSubstr("65536"));
}

TEST_F(PushServerTest, AnswersHealthChecks) {
  grpc::GenericStub raw(channel_);
  grpc::ByteBuffer request(nullptr, 0), response;
  grpc::ClientContext context;
  std::promise<grpc::Status> done;
  raw.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                [&done](grpc::Status status) { done.set_value(std::move(status)); });
  EXPECT_TRUE(done.get_future().get().ok());
  std::vector<grpc::Slice> slices;
  ASSERT_TRUE(response.Dump(&slices).ok());
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(slices[0].begin()), slices[0].size()), "\x08\x01");  // SERVING
}

TEST_F(PushServerTest, StoresWhatManyClientsPushAtOnce) {
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([this, client] {
      for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(Push(WallRequest(100, 1), "agent-" + std::to_string(client), std::to_string(i)).ok());
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(StoredProfiles(), 40);
}

TEST_F(PushServerTest, StopsWhileClientsArePushing) {
  std::thread client([this] {
    for (int i = 0; i < 1'000; ++i) {
      if (!Push(WallRequest(100, 1), "a-uuid", std::to_string(i)).ok()) return;
    }
  });
  while (StoredProfiles() == 0) std::this_thread::yield();
  server_->Stop();
  client.join();
  EXPECT_EQ(Push(WallRequest(100, 1)).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(statistics_.Counts().in_flight, 0U);
}

TEST_F(PushServerTest, LetsInWhoHasTheTokenAndOnlySoMuchOfIt) {
  PushStatistics statistics;
  const auto request = WallRequest(100, 1);
  Door door;
  door.rules = {.token = "s3cret", .sender_bytes_per_minute = request.ByteSizeLong() + 10};
  auto guarded = PushServer::Start("127.0.0.1:0", Limits{}, writer_.get(), &statistics, door);
  ASSERT_TRUE(guarded.ok()) << guarded.status();
  auto stub = ::push::v1::PusherService::NewStub(
      grpc::CreateChannel("127.0.0.1:" + std::to_string((*guarded)->Port()), grpc::InsecureChannelCredentials()));
  auto push = [&](const std::string& authorization) {
    grpc::ClientContext context;
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    ::push::v1::PushResponse response;
    return stub->Push(&context, request, &response).error_code();
  };
  EXPECT_EQ(push(""), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(push("Bearer other"), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(push("Bearer s3cret"), grpc::StatusCode::OK);
  EXPECT_EQ(push("Bearer s3cret"), grpc::StatusCode::RESOURCE_EXHAUSTED);
  const auto outcomes = statistics.Counts().outcomes;
  EXPECT_EQ(outcomes[static_cast<size_t>(PushOutcome::kStranger)], 2U);
  EXPECT_EQ(outcomes[static_cast<size_t>(PushOutcome::kOverQuota)], 1U);
  EXPECT_EQ(StoredProfiles(), 1);
}

TEST_F(PushServerTest, CannotListenOnAPortInUse) {
  auto second =
      PushServer::Start("127.0.0.1:" + std::to_string(server_->Port()), Limits{}, writer_.get(), &statistics_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("--grpc-listen"));
}

}  // namespace
}  // namespace sonde::ingest
