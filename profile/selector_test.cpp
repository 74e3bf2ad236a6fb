#include "profile/selector.h"

#include <gtest/gtest.h>

namespace sonde::profile {
namespace {

bool Matches(std::string_view text, const Labels& labels) {
  auto selector = Selector::Parse(text);
  EXPECT_TRUE(selector.ok()) << selector.status();
  return selector.ok() && selector->Matches(labels);
}

std::string Refusal(std::string_view text) {
  auto selector = Selector::Parse(text);
  EXPECT_EQ(selector.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(selector.status().message());
}

const Labels kWeb = {{"service_name", "web"}, {"process", "python3"}};

TEST(Selector, SelectsEverythingWhenEmpty) {
  for (const char* text : {"", "{}", "  { } "}) EXPECT_TRUE(Matches(text, kWeb)) << text;
}

TEST(Selector, ComparesForEqualityAndInequality) {
  EXPECT_TRUE(Matches("{service_name=\"web\"}", kWeb));
  EXPECT_FALSE(Matches("{service_name=\"we\"}", kWeb));
  EXPECT_TRUE(Matches("{service_name!=\"db\"}", kWeb));
  EXPECT_FALSE(Matches("{service_name=\"web\", process=\"ruby\"}", kWeb));
}

TEST(Selector, AnchorsRegularExpressionsAtBothEnds) {
  EXPECT_TRUE(Matches("{process=~\"py.*\"}", kWeb));
  EXPECT_FALSE(Matches("{process=~\"py\"}", kWeb));
  EXPECT_FALSE(Matches("{process=~\"thon3|ruby\"}", kWeb));
  EXPECT_TRUE(Matches("{process!~\"java|node\"}", kWeb));
}

TEST(Selector, CountsAMissingLabelAsEmpty) {
  EXPECT_TRUE(Matches("{pod=\"\"}", kWeb));
  EXPECT_TRUE(Matches("{pod!=\"x\"}", kWeb));
  EXPECT_FALSE(Matches("{pod=~\".+\"}", kWeb));
}

TEST(Selector, WorksWithoutBracesAndWithEitherQuote) {
  EXPECT_TRUE(Matches("service_name='web', process=\"python3\"", kWeb));
}

TEST(Selector, GivesTheSameSelectorBackAsText) {
  auto selector = Selector::Parse("a='x\"\\n\\\\y',b=~\"p.*\"");
  ASSERT_TRUE(selector.ok());
  EXPECT_EQ(selector->ToString(), "{a=\"x\\\"\\n\\\\y\", b=~\"p.*\"}");
  EXPECT_EQ(Selector::Parse(selector->ToString())->ToString(), selector->ToString());
}

TEST(Selector, TellsWhereAndWhatWasExpected) {
  EXPECT_NE(Refusal("{service_name}").find("position 14"), std::string::npos);
  EXPECT_NE(Refusal("{a=b}").find("value in quotes"), std::string::npos);
  EXPECT_NE(Refusal("{a=\"b").find("closing quote"), std::string::npos);
  EXPECT_NE(Refusal("{a=\"b\"").find("'}'"), std::string::npos);
  EXPECT_NE(Refusal("{").find("label name"), std::string::npos);
  EXPECT_NE(Refusal("{} x").find("nothing more"), std::string::npos);
  EXPECT_NE(Refusal("{a=~\"(\"}").find("RE2"), std::string::npos);
  EXPECT_NE(Refusal("{a=\"\xFF\"}").find("UTF-8"), std::string::npos);
  EXPECT_NE(Refusal(std::string(10'000, 'a')).find("longer"), std::string::npos);
}

}  // namespace
}  // namespace sonde::profile
