#include "base/nearest_word.h"

#include "gtest/gtest.h"

namespace sonde::base {
namespace {

TEST(NearestWord, FindsAWordWithOneOrTwoSlips) {
  const std::vector<std::string> words = {"window", "node", "export"};
  EXPECT_EQ(NearestWord("windw", words), "window");
  EXPECT_EQ(NearestWord("ndoe", words), "node");
  EXPECT_EQ(NearestWord("expprt", words), "export");
  EXPECT_EQ(NearestWord("exp", words), "");
}

TEST(NearestWord, CountsASwapAsOneSlip) { EXPECT_EQ(NearestWord("ab", {"ba"}, 1), "ba"); }

TEST(NearestWord, SaysNothingToAVeryLongWord) { EXPECT_EQ(NearestWord(std::string(100000, 'x'), {"x"}, 200000), ""); }

}  // namespace
}  // namespace sonde::base
