#include "agent/export/push_verdict.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

Verdict JudgeCode(int code) { return Judge(grpc::Status(static_cast<grpc::StatusCode>(code), "reason")); }

TEST(PushVerdict, SortsEveryCode) {
  for (int code : {1, 4, 10, 11, 14, 15}) EXPECT_EQ(JudgeCode(code), Verdict::kRetry) << code;
  for (int code : {3, 5, 6, 9, 12}) EXPECT_EQ(JudgeCode(code), Verdict::kRefused) << code;
  for (int code : {2, 13}) EXPECT_EQ(JudgeCode(code), Verdict::kRetryFewTimes) << code;
  for (int code : {7, 16}) EXPECT_EQ(JudgeCode(code), Verdict::kConfigurationOutage) << code;
  EXPECT_EQ(JudgeCode(8), Verdict::kRetrySlowly);
  EXPECT_EQ(Judge(grpc::Status::OK), Verdict::kStored);
}

TEST(PushVerdict, DoesNotRepeatAMessageThatIsTooLarge) {
  const grpc::Status too_large(grpc::StatusCode::RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 4)");
  EXPECT_EQ(Judge(too_large), Verdict::kTooLarge);
}

TEST(PushVerdict, TellsWhereTheProtocolIsSpokenWhenTheServiceIsUnknown) {
  EXPECT_THAT(
      Explain(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "unknown service"), "it is at port 1"),
      testing::AllOf(testing::StartsWith("UNIMPLEMENTED: unknown service"), testing::EndsWith("it is at port 1")));
}

TEST(PushVerdict, SaysWhatToDoAboutAFailedHandshake) {
  auto explain = [](const std::string& words) {
    return Explain(grpc::Status(grpc::StatusCode::UNAVAILABLE, words), "it is at port 1");
  };
  EXPECT_THAT(explain("Ssl handshake failed: SSL_ERROR_SSL: error:0A000086:SSL routines::certificate verify failed"),
              testing::AllOf(testing::HasSubstr("tls.ca_file"), testing::HasSubstr("expired")));
  EXPECT_THAT(explain("Peer name 127.0.0.1 is not in peer certificate"), testing::HasSubstr("tls.server_name"));
  EXPECT_THAT(explain("error:0A00010B:SSL routines::wrong version number"), testing::HasSubstr("does not speak TLS"));
}

TEST(PushVerdict, KeepsAHostileReasonToOnePrintableLine) {
  const std::string reason = "a\n\x1b[31mb" + std::string(5000, 'x');
  const std::string text = Explain(grpc::Status(grpc::StatusCode::INTERNAL, reason), "");
  EXPECT_LE(text.size(), 300u);
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\n")));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\x1b")));
}

}  // namespace
}  // namespace sonde::exporting
