#include "agent/export/pyroscope_protocol.h"

#include "agent/export/push_receiver_for_test.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

TEST(PyroscopeProtocol, PushesOneProfileWithItsLabelsNameAndId) {
  PushReceiver pyroscope;
  PyroscopeProtocol protocol(grpc::CreateChannel(pyroscope.Start(), grpc::InsecureChannelCredentials()));
  profile::EncodedProfile profile;
  profile.labels = {{"__name__", "mine"}, {"service_name", "web"}, {"node", "n1"}};
  profile.sequence = 7;
  profile.pprof_gz = "profile 7";
  grpc::ClientContext context;
  Rejected rejected;
  const grpc::Status status = protocol.Push(&context, profile, &rejected);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(rejected.profiles, 0u);

  const std::vector<ReceivedPush> pushes = pyroscope.WaitFor(1);
  ASSERT_EQ(pushes.size(), 1u);
  EXPECT_EQ(pushes[0].raw, "profile 7");
  EXPECT_THAT(pushes[0].id, testing::MatchesRegex("[0-9a-f]+-[0-9a-f]+-8[0-9a-f]+-[89ab][0-9a-f]+-[0-9a-f]+"));
  EXPECT_EQ(pushes[0].id.size(), 36u);
  EXPECT_EQ(pushes[0].labels.at("__name__"), "process_cpu");
  EXPECT_EQ(pushes[0].labels.at("service_name"), "web");
  EXPECT_EQ(pushes[0].labels.at("node"), "n1");
}

TEST(PyroscopeProtocol, GivesTheServersAnswerAsItIs) {
  PushReceiver pyroscope;
  PyroscopeProtocol protocol(grpc::CreateChannel(pyroscope.Start(), grpc::InsecureChannelCredentials()));
  pyroscope.AnswerNext({{grpc::StatusCode::RESOURCE_EXHAUSTED, "too fast", "details"}});
  grpc::ClientContext context;
  Rejected rejected;
  const grpc::Status status = protocol.Push(&context, {}, &rejected);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "too fast");
  EXPECT_EQ(status.error_details(), "details");
}

}  // namespace
}  // namespace sonde::exporting
