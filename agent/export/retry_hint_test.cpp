#include "agent/export/retry_hint.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "proto/google/rpc/error_details.pb.h"
#include "proto/google/rpc/status.pb.h"

namespace sonde::exporting {
namespace {

using Trailers = std::multimap<grpc::string_ref, grpc::string_ref>;

grpc::Status WithRetryInfo(int64_t seconds, int32_t nanos = 0) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(seconds);
  info.mutable_retry_delay()->set_nanos(nanos);
  google::rpc::Status details;
  google::rpc::Status another;  // a detail that is none of ours
  details.add_details()->PackFrom(another);
  details.add_details()->PackFrom(info);
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "slower", details.SerializeAsString()};
}

std::optional<absl::Duration> HintOfPushback(const std::string& value) {
  return RetryHint(grpc::Status(grpc::StatusCode::UNAVAILABLE, ""), {{"grpc-retry-pushback-ms", value}});
}

TEST(RetryHint, ReadsRetryInfo) {
  EXPECT_EQ(RetryHint(WithRetryInfo(3, 500'000'000), {}), absl::Milliseconds(3500));
  EXPECT_EQ(RetryHint(WithRetryInfo(0), {}), absl::ZeroDuration());
}

TEST(RetryHint, ReadsPushback) {
  EXPECT_EQ(HintOfPushback("2500"), absl::Milliseconds(2500));
  EXPECT_EQ(RetryHint(WithRetryInfo(3), Trailers{{"grpc-retry-pushback-ms", "1"}}), absl::Seconds(3));
}

TEST(RetryHint, ReadsTheSecondsThatAProxyAsksFor) {
  const grpc::Status down(grpc::StatusCode::UNAVAILABLE, "");
  EXPECT_EQ(RetryHint(down, {{"retry-after", "120"}}), absl::Minutes(2));
  EXPECT_EQ(RetryHint(down, {{"retry-after", "120"}, {"grpc-retry-pushback-ms", "5"}}), absl::Milliseconds(5));
  EXPECT_EQ(RetryHint(down, {{"retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"}}), std::nullopt);
}

TEST(RetryHint, WaitsTenMinutesAtMost) {
  EXPECT_EQ(RetryHint(WithRetryInfo(365 * 24 * 3600), {}), absl::Minutes(10));
  EXPECT_EQ(RetryHint(WithRetryInfo(std::numeric_limits<int64_t>::max(), std::numeric_limits<int32_t>::max()), {}),
            absl::Minutes(10));
  EXPECT_EQ(HintOfPushback("9223372036854775807"), absl::Minutes(10));
}

TEST(RetryHint, IsNoneWhenNothingIsAskedOrNothingThatMakesSense) {
  EXPECT_EQ(RetryHint(grpc::Status(grpc::StatusCode::UNAVAILABLE, ""), {}), std::nullopt);
  EXPECT_EQ(RetryHint(grpc::Status(grpc::StatusCode::UNAVAILABLE, "", "\xff\xff no Status"), {}), std::nullopt);
  EXPECT_EQ(RetryHint(WithRetryInfo(-1), {}), std::nullopt);
  EXPECT_EQ(HintOfPushback("-1"), std::nullopt);
  EXPECT_EQ(HintOfPushback("soon"), std::nullopt);
}

}  // namespace
}  // namespace sonde::exporting
