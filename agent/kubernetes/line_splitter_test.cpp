#include "agent/kubernetes/line_splitter.h"

#include <gtest/gtest.h>

#include <vector>

namespace sonde::kubernetes {
namespace {

TEST(LineSplitter, GivesWholeLinesHoweverTheyCome) {
  const std::string text = "one\n\ntwo two\nthree\nrest";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    LineSplitter splitter(100);
    std::vector<std::string> lines;
    for (size_t at = 0; at < text.size(); at += piece) {
      EXPECT_TRUE(splitter
                      .Take(std::string_view(text).substr(at, piece),
                            [&lines](std::string_view line) {
                              lines.emplace_back(line);
                              return absl::OkStatus();
                            })
                      .ok());
    }
    EXPECT_EQ(lines, (std::vector<std::string>{"one", "two two", "three"})) << piece;
  }
}

TEST(LineSplitter, RefusesALineThatIsTooLong) {
  const auto ignore = [](std::string_view) { return absl::OkStatus(); };
  LineSplitter begun(4), whole(4), fits(4);
  EXPECT_TRUE(absl::IsResourceExhausted(begun.Take("12345", ignore)));
  EXPECT_TRUE(absl::IsResourceExhausted(whole.Take("12345\n", ignore)));
  EXPECT_TRUE(fits.Take("1234\n1234\n", ignore).ok());
}

TEST(LineSplitter, StopsAtTheFirstError) {
  LineSplitter splitter(100);
  int lines = 0;
  const absl::Status status = splitter.Take("a\nb\nc\n", [&lines](std::string_view) {
    return ++lines == 2 ? absl::OutOfRangeError("gone") : absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsOutOfRange(status));
  EXPECT_EQ(lines, 2);
}

}  // namespace
}  // namespace sonde::kubernetes
