#include "agent/names/plain_text.h"

#include <gtest/gtest.h>

namespace sonde::names {
namespace {

TEST(PlainText, ShowsNoControlCharacters) {
  EXPECT_EQ(WithoutControls("a\nb\x1b[31mc\x7f\xc2\x9b"
                            "d\0e"),
            "a?b?[31mc??d");
  EXPECT_EQ(WithoutControls("größe → λ"), "größe → λ");
}

TEST(PlainText, KnowsABuildId) {
  EXPECT_TRUE(IsBuildId("0123456789abcdef"));
  EXPECT_TRUE(IsBuildId(""));
  EXPECT_FALSE(IsBuildId("../../etc"));
  EXPECT_FALSE(IsBuildId("ABCDEF"));
  EXPECT_FALSE(IsBuildId(std::string(129, 'a')));
}

}  // namespace
}  // namespace sonde::names
