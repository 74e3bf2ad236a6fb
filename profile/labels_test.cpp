#include "profile/labels.h"

#include <gtest/gtest.h>

namespace sonde::profile {
namespace {

constexpr char kBad[] = "\xEF\xBF\xBD";

TEST(ToValidUtf8, KeepsWhatIsValid) {
  const std::string text = "main \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80";
  EXPECT_EQ(ToValidUtf8(text), text);
  EXPECT_TRUE(IsValidUtf8(text));
}

TEST(ToValidUtf8, ReplacesEachInvalidByte) {
  EXPECT_EQ(ToValidUtf8("a\xFF\xFE"), std::string("a") + kBad + kBad);
  EXPECT_FALSE(IsValidUtf8("a\xFF"));
}

TEST(ToValidUtf8, ReplacesTruncatedOverlongAndSurrogateForms) {
  for (std::string bad :
       {"\xE2\x82", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80"}) {
    EXPECT_FALSE(IsValidUtf8(bad));
    EXPECT_TRUE(IsValidUtf8(ToValidUtf8(bad)));
    EXPECT_EQ(ToValidUtf8(bad).size(), 3 * bad.size());
  }
}

TEST(LabelValue, IsCutBeforeWholeCharacters) {
  EXPECT_EQ(LabelValue("short"), "short");
  EXPECT_EQ(LabelValue(std::string(300, 'a')), std::string(256, 'a'));
  const std::string euro = "\xE2\x82\xAC";
  EXPECT_EQ(LabelValue(std::string(255, 'a') + euro), std::string(255, 'a'));
  EXPECT_EQ(LabelValue(std::string(253, 'a') + euro), std::string(253, 'a') + euro);
}

TEST(LabelName, IsWhatEveryBackendTakes) {
  for (const char* name : {"a", "_", "service_name", "A9", "__meta_x"}) EXPECT_TRUE(IsLabelName(name)) << name;
  for (const char* name : {"", "9a", "a-b", "a.b", "\xC3\xA9", "a b"}) EXPECT_FALSE(IsLabelName(name)) << name;
  EXPECT_EQ(ToLabelNamePart("app.kubernetes.io/name-2"), "app_kubernetes_io_name_2");
}

}  // namespace
}  // namespace sonde::profile
