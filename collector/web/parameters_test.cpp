#include "collector/web/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::web {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 10'000'000 * kSecond;

http::Request With(std::map<std::string, std::string> parameters) {
  http::Request request;
  request.parameters = std::move(parameters);
  return request;
}

store::TimeRange Range(std::map<std::string, std::string> parameters) {
  auto selection = SelectionOf(With(std::move(parameters)), "cpu", kNow);
  EXPECT_TRUE(selection.ok()) << selection.status();
  return selection.ok() ? selection->range : store::TimeRange{};
}

std::string Refusal(std::map<std::string, std::string> parameters) {
  auto selection = SelectionOf(With(std::move(parameters)), "cpu", kNow);
  EXPECT_EQ(selection.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(selection.status().message());
}

TEST(SelectionOf, TakesTheLastQuarterOfAnHourWhenNothingIsSaid) {
  EXPECT_EQ(Range({}).from_ns, kNow - 900 * kSecond);
  EXPECT_EQ(Range({}).to_ns, kNow);
}

TEST(SelectionOf, TakesMilliseconds) {
  EXPECT_EQ(Range({{"from", "5000"}, {"to", "7000"}}).from_ns, 5 * kSecond);
  EXPECT_EQ(Range({{"from", "5000"}, {"to", "7000"}}).to_ns, 7 * kSecond);
  EXPECT_EQ(Range({{"from", "5000"}}).to_ns, kNow);
  EXPECT_EQ(Range({{"to", "7000000"}}).from_ns, 6'100 * kSecond);
}

TEST(SelectionOf, TakesTheLastSeconds) {
  EXPECT_EQ(Range({{"seconds", "30"}}).from_ns, kNow - 30 * kSecond);
  EXPECT_EQ(Range({{"seconds", "30"}}).to_ns, kNow);
}

TEST(SelectionOf, RefusesTimesThatMakeNoSense) {
  for (const char* seconds : {"0", "-1", "x", "1.5", "99999999999", "1 "}) {
    EXPECT_THAT(Refusal({{"seconds", seconds}}), HasSubstr("'seconds' must be a whole number")) << seconds;
  }
  EXPECT_THAT(Refusal({{"seconds", "1"}, {"from", "5"}}), HasSubstr("either"));
  EXPECT_THAT(Refusal({{"from", "7"}, {"to", "7"}}), HasSubstr("before"));
  EXPECT_THAT(Refusal({{"from", "now"}}), HasSubstr("'from' must be"));
  EXPECT_THAT(Refusal({{"to", "9223372036854775807"}}), HasSubstr("'to' must be"));
}

TEST(SelectionOf, PassesOnWhatIsWrongWithASelector) {
  EXPECT_THAT(Refusal({{"query", "{service_name}"}}), HasSubstr("position 14"));
}

TEST(CheckParameters, RefusesUnknownAndRepeatedOnes) {
  EXPECT_TRUE(CheckParameters(With({{"kind", "cpu"}}), {"kind", "query"}).ok());
  auto unknown = CheckParameters(With({{"knid", "cpu"}}), {"kind", "query"});
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("'knid' is unknown; known are: kind, query"));
  http::Request twice;
  twice.repeated_parameter = "kind";
  EXPECT_FALSE(CheckParameters(twice, {"kind"}).ok());
}

}  // namespace
}  // namespace sonde::web
