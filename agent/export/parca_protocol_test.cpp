#include "agent/export/parca_protocol.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "profile/pprof_file.h"

namespace sonde::exporting {
namespace {

namespace parca_store = parca::profilestore::v1alpha1;

// Keeps the last request and answers as told.
class ParcaStore : public parca_store::ProfileStoreService::Service {
 public:
  ParcaStore() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::InsecureChannelCredentials());
  }

  grpc::Status Push(const profile::EncodedProfile& profile) {
    ParcaProtocol protocol(channel_);
    grpc::ClientContext context;
    Rejected rejected;
    return protocol.Push(&context, profile, &rejected);
  }

  void Answer(const grpc::Status& answer) {
    absl::MutexLock lock(&mutex_);
    answer_ = answer;
  }
  std::optional<parca_store::WriteRawRequest> Received() {
    absl::MutexLock lock(&mutex_);
    return received_;
  }

 private:
  grpc::Status WriteRaw(grpc::ServerContext*, const parca_store::WriteRawRequest* request,
                        parca_store::WriteRawResponse*) override {
    absl::MutexLock lock(&mutex_);
    received_ = *request;
    return answer_;
  }

  absl::Mutex mutex_;
  grpc::Status answer_ ABSL_GUARDED_BY(mutex_);
  std::optional<parca_store::WriteRawRequest> received_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

profile::EncodedProfile ParcaWallProfile() {
  profile::PprofBuilder builder(profile::Kind::kWall, 1'000, 60'000, 1);
  const profile::PprofBuilder::Line line{.name = "main", .system_name = "", .filename = "", .line = 0};
  const uint64_t stack[] = {builder.AddLocation(0, 0x1000, {&line, 1})};
  const int64_t values[] = {5};
  builder.AddSample(stack, values, {});
  profile::EncodedProfile encoded;
  encoded.kind = profile::Kind::kWall;
  encoded.labels = {{"service_name", "web"}};
  encoded.pprof_gz = profile::Encode(std::move(builder).Build());
  return encoded;
}

TEST(ParcaProtocol, PushesAProfileInOneRequest) {
  ParcaStore parca;
  ASSERT_TRUE(parca.Push(ParcaWallProfile()).ok());
  const std::optional<parca_store::WriteRawRequest> received = parca.Received();
  ASSERT_TRUE(received.has_value());
  ASSERT_EQ(received->series_size(), 1);
  EXPECT_EQ(received->series(0).labels().labels(0).value(), "wall");
  EXPECT_EQ(received->series(0).samples_size(), 1);
}

TEST(ParcaProtocol, GivesTheServersAnswer) {
  ParcaStore parca;
  parca.Answer({grpc::StatusCode::UNAVAILABLE, "starting"});
  const grpc::Status status = parca.Push(ParcaWallProfile());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "starting");
}

TEST(ParcaProtocol, DoesNotSendWhatIsNoProfile) {
  ParcaStore parca;
  profile::EncodedProfile broken = ParcaWallProfile();
  broken.pprof_gz.resize(broken.pprof_gz.size() / 2);
  const grpc::Status status = parca.Push(broken);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_FALSE(parca.Received().has_value());
}

}  // namespace
}  // namespace sonde::exporting
