#include "agentctl/terminal.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::agentctl {
namespace {

TEST(Printable, LeavesOrdinaryTextAsItIs) {
  EXPECT_EQ(Printable("std::vector<int>::push_back 日本 µ 🎈"), "std::vector<int>::push_back 日本 µ 🎈");
}

TEST(Printable, TakesTheTeethOutOfHostileNames) {
  EXPECT_EQ(Printable("a\nb\tc\x1b[31m\x7f"), "a?b?c?[31m?");
  EXPECT_EQ(Printable("\xff\xfe"
                      "a\xc0\x80"),
            "??a??");
  EXPECT_EQ(Printable("abc\u202ecba"), "abc?cba");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "?31m");
  EXPECT_EQ(Printable("\xed\xa0\x80"), "???");
  EXPECT_EQ(Printable("\xe2\x82"), "??");
}

TEST(Printable, CutsByCodePointsAndShowsIt) {
  EXPECT_EQ(Printable("abcdef", 6), "abcdef");
  EXPECT_EQ(Printable("abcdefg", 6), "abcde…");
  EXPECT_EQ(Printable("µµµµ", 3), "µµ…");
}

TEST(Width, CountsCodePoints) { EXPECT_EQ(Width("aµ…"), 3u); }

TEST(Paint, NeedsATerminalOrAnOrder) {
  SetUpColour(ColourMode::kAlways);
  EXPECT_EQ(Paint(Colour::kRed, "x"), "\x1b[31mx\x1b[0m");
  SetUpColour(ColourMode::kNever);
  EXPECT_EQ(Paint(Colour::kRed, "x"), "x");
}

}  // namespace
}  // namespace sonde::agentctl
