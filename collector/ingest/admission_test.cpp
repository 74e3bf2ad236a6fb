#include "collector/ingest/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::ingest {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSecondNs = 1'000'000'000;

TEST(Admission, LetsEverybodyInWithoutRules) {
  Admission admission({});
  EXPECT_TRUE(admission.Admit("", "ipv4:1.2.3.4:5", 1 << 30, 0).ok());
  EXPECT_TRUE(admission.Admit("Bearer whatever", "", 0, 0).ok());
}

TEST(Admission, WantsTheTokenItself) {
  Admission admission({.token = "s3cret"});
  EXPECT_TRUE(admission.Admit("Bearer s3cret", "", 1, 0).ok());
  for (const char* wrong :
       {"", "s3cret", "Bearer ", "Bearer s3cre", "Bearer s3crets", "Bearer s3creT", "bearer s3cret"}) {
    EXPECT_EQ(admission.Admit(wrong, "", 1, 0).code(), absl::StatusCode::kUnauthenticated) << wrong;
  }
}

TEST(Admission, LimitsEachSenderByItself) {
  Admission admission({.sender_bytes_per_minute = 600});
  EXPECT_TRUE(admission.Admit("", "ipv4:1.2.3.4:5", 400, 0).ok());
  EXPECT_TRUE(admission.Admit("", "ipv4:1.2.3.4:6", 200, 0).ok());  // another connection of the same host
  const absl::Status full = admission.Admit("", "ipv4:1.2.3.4:6", 100, 0);
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()), HasSubstr("try again in 10 s"));
  EXPECT_TRUE(admission.Admit("", "ipv4:1.2.3.5:5", 600, 0).ok());
  EXPECT_FALSE(admission.Admit("", "ipv4:1.2.3.4:6", 100, 9 * kSecondNs).ok());
  EXPECT_TRUE(admission.Admit("", "ipv4:1.2.3.4:6", 100, 10 * kSecondNs).ok());
  EXPECT_FALSE(admission.Admit("", "ipv4:1.2.3.4:6", 601, 3'600 * kSecondNs).ok());
  EXPECT_TRUE(admission.Admit("", "ipv4:1.2.3.4:6", 600, 3'600 * kSecondNs).ok());
}

TEST(Admission, StaysSmallWhoeverComes) {
  Admission admission({.sender_bytes_per_minute = 10});
  EXPECT_TRUE(admission.Admit("", "first:1", 10, 0).ok());
  for (int i = 0; i < 5'000; ++i) EXPECT_TRUE(admission.Admit("", "peer" + std::to_string(i) + ":1", 10, i + 1).ok());
  EXPECT_TRUE(admission.Admit("", "first:1", 10, 5'001).ok());  // it was forgotten
}

}  // namespace
}  // namespace sonde::ingest
