#include "profile/merge.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "profile/pprof_file.h"

namespace sonde::profile {
namespace {

// A wall profile with one sample per (function, nanoseconds), each a stack of one frame.
Pprof Wall(int64_t start, int64_t duration, const std::vector<std::pair<std::string, int64_t>>& samples,
           const Labels& labels = {}) {
  PprofBuilder builder(Kind::kWall, start, duration, 1);
  uint64_t mapping = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
  for (const auto& [function, value] : samples) {
    PprofBuilder::Line line{.name = function, .system_name = "", .filename = "", .line = 0};
    uint64_t stack[] = {builder.AddLocation(mapping, std::hash<std::string>()(function) & 0xFFF, {&line, 1})};
    int64_t values[] = {value};
    builder.AddSample(stack, values, labels);
  }
  builder.AddComment("lost 3 samples");
  return std::move(builder).Build();
}

std::map<std::string, int64_t> ByFunction(const Pprof& profile) {
  std::map<std::string, int64_t> sums;
  for (const auto& sample : profile.sample()) {
    const auto& location = profile.location(static_cast<int>(sample.location_id(0)) - 1);
    const auto& function = profile.function(static_cast<int>(location.line(0).function_id()) - 1);
    sums[profile.string_table(static_cast<int>(function.name()))] += sample.value(0);
  }
  return sums;
}

TEST(Merge, SumsEqualStacks) {
  auto merged = Merge({Wall(100, 60, {{"a", 1}, {"b", 2}}), Wall(160, 60, {{"b", 5}, {"c", 7}})});
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_TRUE(Check(*merged).ok()) << Check(*merged);
  EXPECT_EQ(merged->sample_size(), 3);
  EXPECT_EQ(ByFunction(*merged), (std::map<std::string, int64_t>{{"a", 1}, {"b", 7}, {"c", 7}}));
}

TEST(Merge, SpansFromTheEarliestStartToTheLatestEnd) {
  auto merged = Merge({Wall(160, 60, {{"a", 1}}), Wall(100, 10, {{"a", 1}})});
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->time_nanos(), 100);
  EXPECT_EQ(merged->duration_nanos(), 120);
}

TEST(Merge, KeepsEachCommentOnce) {
  auto merged = Merge({Wall(0, 1, {}), Wall(1, 1, {})});
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->comment_size(), 1);
}

TEST(Merge, PutsSeriesLabelsOnEachSample) {
  auto merged = Merge({Wall(0, 1, {{"a", 1}}), Wall(0, 1, {{"a", 2}}), Wall(1, 1, {{"a", 4}})},
                      {{{"service_name", "x"}}, {{"service_name", "y"}}, {{"service_name", "x"}}});
  ASSERT_TRUE(merged.ok());
  ASSERT_EQ(merged->sample_size(), 2);
  EXPECT_EQ(merged->sample(0).value(0), 5);
  EXPECT_EQ(merged->sample(1).value(0), 2);
  const auto& label = merged->sample(1).label(0);
  EXPECT_EQ(merged->string_table(static_cast<int>(label.str())), "y");
}

TEST(Merge, LetsTheLabelOfASampleWinOverItsSeries) {
  auto merged = Merge({Wall(0, 1, {{"a", 1}}, {{"reason", "blocked"}})}, {{{"reason", "series"}}});
  ASSERT_TRUE(merged.ok());
  ASSERT_EQ(merged->sample(0).label_size(), 1);
  EXPECT_EQ(merged->string_table(static_cast<int>(merged->sample(0).label(0).str())), "blocked");
}

TEST(Merge, RefusesDifferentSampleTypes) {
  Pprof cpu = PprofBuilder(Kind::kCpu, 0, 1, 1).Build();
  absl::Status status = Merge({Wall(0, 1, {}), cpu}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(status.message()).find("wall/nanoseconds"), std::string::npos) << status;
}

TEST(Merge, RefusesToMergeNothing) { EXPECT_FALSE(Merge({}).ok()); }

TEST(Merge, StopsAtTheEndOfTheNumbersInsteadOfOverflowing) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  auto merged = Merge({Wall(0, kMax, {{"a", kMax}}), Wall(kMax, kMax, {{"a", kMax}})});
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->sample(0).value(0), kMax);
}

}  // namespace
}  // namespace sonde::profile
