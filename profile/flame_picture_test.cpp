#include "profile/flame_picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nlohmann/json.hpp"
#include "profile/written_profile_for_test.h"

namespace sonde::profile {
namespace {

using testing::HasSubstr;
using testing::Not;

const PictureText kText{.title = "web <offcpu>", .unit = "nanoseconds"};

Flame WrittenFlame() { return LayOut(WrittenProfile(), -1, 1000, "reason"); }

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(FlameSvg, HasABoxAFrameWithItsValueAndShare) {
  const std::string svg = WriteSvg(WrittenFlame(), kText);
  // all, disk, main, read, schedule, lock, main, wait, and the hostile one; and the background.
  EXPECT_EQ(CountOf(svg, "<rect"), 10u);
  EXPECT_EQ(CountOf(svg, "<g>"), CountOf(svg, "</g>"));
  EXPECT_THAT(svg, HasSubstr("<title>schedule\n[kernel.kallsyms]\n3.00 µs, 66.7%</title>"));
  EXPECT_THAT(svg, HasSubstr("web &lt;offcpu&gt;, 4.50 µs"));
}

TEST(FlameSvg, MarksFramesThatAreInlinedIntoTheirCallers) {
  const std::string svg = WriteSvg(LayOut(InlinedProfile(), -1, 1000, ""), kText);
  EXPECT_THAT(svg, HasSubstr("<title>leaf (inlined)\n/bin/app\n"));
  EXPECT_THAT(svg, HasSubstr("<title>outer\n/bin/app\n"));
}

TEST(FlameSvg, LetsNoNameBecomeMarkup) {
  const std::string svg = WriteSvg(WrittenFlame(), kText);
  EXPECT_THAT(svg, Not(HasSubstr("<b ")));
  EXPECT_THAT(svg, Not(HasSubstr("</script")));
  EXPECT_THAT(svg, HasSubstr("&lt;/script&gt;&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;"));
}

TEST(FlameSvg, LeavesOutWhatNobodyCouldSee) {
  Flame flame{.names = {"all", "wide", "thin"},
              .files = {""},
              .depth = {0, 1, 1},
              .total = {1'000'000, 999'999, 1},
              .self = {0, 999'999, 1},
              .waits = {},
              .name = {0, 1, 2},
              .file = {0, 0, 0},
              .dropped = 0};
  const std::string svg = WriteSvg(flame, kText);
  EXPECT_THAT(svg, HasSubstr("wide"));
  EXPECT_THAT(svg, Not(HasSubstr("thin")));
}

TEST(FlameHtml, HoldsAllColumnsAndLoadsNothing) {
  const Flame flame = WrittenFlame();
  const std::string html = WriteHtml(flame, kText);
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, Not(HasSubstr("src=")));
  EXPECT_THAT(html, Not(HasSubstr("href=")));
  const size_t begin = html.find("const data = ") + 13;
  const nlohmann::json data = nlohmann::json::parse(html.substr(begin, html.find(";\n", begin) - begin));
  EXPECT_EQ(data["unit"], "nanoseconds");
  EXPECT_EQ(data["names"], nlohmann::json(flame.names));
  EXPECT_EQ(data["files"], nlohmann::json(flame.files));
  EXPECT_EQ(data["depth"], nlohmann::json(flame.depth));
  EXPECT_EQ(data["total"], nlohmann::json(flame.total));
  EXPECT_EQ(data["name"], nlohmann::json(flame.name));
  EXPECT_EQ(data["file"], nlohmann::json(flame.file));
  EXPECT_EQ(data["inlined"], nlohmann::json(flame.inlined));
}

TEST(FlameHtml, LetsNoNameEndTheScript) {
  const std::string html = WriteHtml(WrittenFlame(), kText);
  EXPECT_EQ(CountOf(html, "</script>"), 1u);
  EXPECT_EQ(CountOf(html, "<script>"), 1u);
  EXPECT_THAT(html, HasSubstr("<title>web &lt;offcpu&gt;</title>"));
}

}  // namespace
}  // namespace sonde::profile
