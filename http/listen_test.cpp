#include "http/listen.h"

#include <gtest/gtest.h>

namespace sonde::http {
namespace {

TEST(Listen, TellsWhichPortItGot) {
  auto listener = Listen("127.0.0.1:0");
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_GT(listener->port, 0);
  EXPECT_TRUE(listener->is_loopback);
}

TEST(Listen, KnowsAddressesThatAreNotLoopback) {
  auto listener = Listen("0.0.0.0:0");
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_FALSE(listener->is_loopback);
}

TEST(Listen, RefusesWhatIsNoAddress) {
  for (const char* address : {"", "127.0.0.1", ":7170", "127.0.0.1:http", "127.0.0.1:99999", "[]:1"}) {
    EXPECT_EQ(Listen(address).status().code(), absl::StatusCode::kInvalidArgument) << address;
  }
}

TEST(Listen, SaysThatAPortIsInUse) {
  auto first = Listen("127.0.0.1:0");
  ASSERT_TRUE(first.ok());
  auto second = Listen("127.0.0.1:" + std::to_string(first->port));
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(std::string(second.status().message()).find("in use"), std::string::npos) << second.status();
}

TEST(IsLoopbackHost, WantsAKnownNameWithTheExactPort) {
  for (const char* host : {"localhost:7170", "127.0.0.1:7170", "[::1]:7170"}) EXPECT_TRUE(IsLoopbackHost(host, 7170));
  for (const char* host : {"", "localhost", "localhost:71700", "localhost:717", "evil.example:7170", "127.0.0.1"}) {
    EXPECT_FALSE(IsLoopbackHost(host, 7170)) << host;
  }
  EXPECT_TRUE(IsLoopbackHost("localhost", 80));
}

}  // namespace
}  // namespace sonde::http
