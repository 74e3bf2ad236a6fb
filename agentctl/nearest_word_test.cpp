#include "agentctl/nearest_word.h"

#include "gtest/gtest.h"

namespace sonde::agentctl {
namespace {

TEST(NearestWord, SuggestsAVerbOrFlagWithinTwoSlips) {
  const std::vector<std::string> words = {"status", "account", "--duration"};
  EXPECT_EQ(NearestWord("stauts", words), "status");
  EXPECT_EQ(NearestWord("acount", words), "account");
  EXPECT_EQ(NearestWord("--durtion", words), "--duration");
  EXPECT_EQ(NearestWord("flamegraph", words), "");
}

}  // namespace
}  // namespace sonde::agentctl
