#include "agentctl/time_span.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sonde::agentctl {
namespace {

const absl::TimeZone kZone = absl::FixedTimeZone(3600);
const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);  // 2027-01-15 09:00 in kZone

TEST(TimeSpan, ReadsLengthsOfTimeUpToDays) {
  EXPECT_EQ(*ParseSpan("90s"), absl::Seconds(90));
  EXPECT_EQ(*ParseSpan("1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseSpan("7d"), absl::Hours(168));
  for (const char* wrong : {"", "d", "5", "-1h", "0s", "401d", "9223372036854775807d", "soon"}) {
    EXPECT_EQ(ParseSpan(wrong).status().code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
}

TEST(TimeSpan, ReadsInstantsAsPeopleWriteThem) {
  const struct {
    const char* text;
    const char* instant;
  } kCases[] = {{"now", "2027-01-15T09:00:00+01:00"},
                {"-10m", "2027-01-15T08:50:00+01:00"},
                {"-2d", "2027-01-13T09:00:00+01:00"},
                {"08:30", "2027-01-15T08:30:00+01:00"},
                {"08:30:05", "2027-01-15T08:30:05+01:00"},
                {"2027-01-02 03:04", "2027-01-02T03:04:00+01:00"},
                {"2027-01-02T03:04:05", "2027-01-02T03:04:05+01:00"},
                {"2027-01-02", "2027-01-02T00:00:00+01:00"},
                {"2027-01-02T03:04:05Z", "2027-01-02T04:04:05+01:00"},
                {"1799999000", "2027-01-15T08:43:20+01:00"},
                {"1799999000000", "2027-01-15T08:43:20+01:00"}};
  for (const auto& one : kCases) {
    const absl::StatusOr<absl::Time> read = ParseInstant(one.text, kNow, kZone);
    ASSERT_TRUE(read.ok()) << one.text;
    EXPECT_EQ(absl::FormatTime(absl::RFC3339_sec, *read, kZone), one.instant) << one.text;
  }
  for (const char* wrong : {"", "-", "yesterday", "25:00", "2027-13-01", "-5"})
    EXPECT_FALSE(ParseInstant(wrong, kNow, kZone).ok()) << wrong;
}

TEST(TimeSpan, IsTheOneThatFlagsAskFor) {
  const auto asked = [](const std::string& since, const std::string& from, const std::string& to) {
    const absl::StatusOr<TimeSpan> span = SpanFor(since, from, to, absl::Minutes(15), kNow, kZone);
    if (!span.ok()) return std::string(span.status().message());
    return absl::StrCat(absl::ToInt64Minutes(kNow - span->from), " to ", absl::ToInt64Minutes(kNow - span->to));
  };
  EXPECT_EQ(asked("", "", ""), "15 to 0");
  EXPECT_EQ(asked("1h", "", ""), "60 to 0");
  EXPECT_EQ(asked("1h", "", "-30m"), "90 to 30");
  EXPECT_EQ(asked("", "08:00", "08:30"), "60 to 30");
  EXPECT_EQ(asked("1h", "08:00", ""), "--since and --from exclude each other");
  EXPECT_EQ(asked("", "10:00", ""), "--from must be before --to, which is now unless told otherwise");
  EXPECT_EQ(asked("", "x", "").substr(0, 10), "--from: 'x");
}

}  // namespace
}  // namespace sonde::agentctl
