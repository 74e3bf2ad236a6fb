#include "agent/export/sample_groups.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using profile::Labels;

// One stack and one wait of `ns` for each label set.
profile::Pprof WaitsLabelled(const std::vector<Labels>& all, int64_t ns = 1) {
  profile::PprofBuilder builder(profile::Kind::kOffCpu, 1'000, 60'000, 1);
  const profile::PprofBuilder::Line line{.name = "main", .system_name = "", .filename = "", .line = 0};
  const uint64_t stack[] = {builder.AddLocation(0, 0x1000, {&line, 1})};
  const int64_t values[] = {1, ns};
  for (const Labels& labels : all) builder.AddSample(stack, values, labels);
  return std::move(builder).Build();
}

std::vector<Labels> GroupLabelsOf(const std::vector<SampleGroup>& groups) {
  std::vector<Labels> all;
  for (const SampleGroup& group : groups) all.push_back(group.labels);
  return all;
}

size_t SamplesInGroups(const std::vector<SampleGroup>& groups) {
  size_t samples = 0;
  for (const SampleGroup& group : groups) samples += group.samples.size();
  return samples;
}

TEST(SampleGroups, HaveOneSetOfLabelsEach) {
  const profile::Pprof profile = WaitsLabelled({{{"reason", "lock"}, {"process", "a"}},
                                                {{"reason", "disk"}, {"process", "a"}},
                                                {{"reason", "lock"}, {"process", "b"}},
                                                {}});
  const std::vector<SampleGroup> groups = GroupByLabels(profile, {}, 10);
  EXPECT_THAT(GroupLabelsOf(groups), testing::ElementsAre(Labels{}, Labels{{"process", "a"}, {"reason", "disk"}},
                                                          Labels{{"process", "a"}, {"reason", "lock"}},
                                                          Labels{{"process", "b"}, {"reason", "lock"}}));
  EXPECT_EQ(SamplesInGroups(groups), 4u);
}

TEST(SampleGroups, LeaveOutTheLabelWithTheMostValuesBeforeTheyAreTooMany) {
  std::vector<Labels> all;
  for (int i = 0; i < 40; ++i) {
    all.push_back(
        {{"reason", i % 2 == 0 ? "lock" : "disk"}, {"thread", absl::StrCat(i)}, {"process", absl::StrCat(i % 3)}});
  }
  const profile::Pprof profile = WaitsLabelled(all);
  EXPECT_EQ(GroupByLabels(profile, {}, 40).size(), 40u);
  const std::vector<SampleGroup> six = GroupByLabels(profile, {}, 39);
  EXPECT_EQ(six.size(), 6u);
  EXPECT_EQ(six[0].labels, (Labels{{"process", "0"}, {"reason", "disk"}}));
  EXPECT_EQ(SamplesInGroups(six), 40u);
  EXPECT_THAT(GroupLabelsOf(GroupByLabels(profile, {}, 5)),
              testing::ElementsAre(Labels{{"reason", "disk"}}, Labels{{"reason", "lock"}}));
  EXPECT_THAT(GroupLabelsOf(GroupByLabels(profile, {}, 1)), testing::ElementsAre(Labels{}));
  EXPECT_EQ(SamplesInGroups(GroupByLabels(profile, {}, 1)), 40u);
}

TEST(SampleGroups, LeaveOutTheLastOfLabelsWithAsManyValues) {
  const profile::Pprof profile =
      WaitsLabelled({{{"a", "1"}, {"b", "1"}}, {{"a", "2"}, {"b", "2"}}, {{"a", "1"}, {"b", "2"}}});
  EXPECT_THAT(GroupLabelsOf(GroupByLabels(profile, {}, 2)),
              testing::ElementsAre(Labels{{"a", "1"}}, Labels{{"a", "2"}}));
}

TEST(SampleGroups, LeaveWhatTheSeriesSaysToTheSeries) {
  const profile::Pprof profile =
      WaitsLabelled({{{"process", "inner"}, {"reason", "lock"}}, {{"__name__", "mine"}, {"reason", "disk"}}});
  EXPECT_THAT(GroupLabelsOf(GroupByLabels(profile, {{"process", "outer"}}, 10)),
              testing::ElementsAre(Labels{{"reason", "disk"}}, Labels{{"reason", "lock"}}));
}

TEST(SampleGroups, HaveNoNumbers) {
  profile::Pprof profile = WaitsLabelled({{{"reason", "lock"}}});
  auto* label = profile.mutable_sample(0)->add_label();
  label->set_key(profile.string_table_size());
  profile.add_string_table("thread_id");
  label->set_num(77);
  EXPECT_THAT(GroupLabelsOf(GroupByLabels(profile, {}, 10)), testing::ElementsAre(Labels{{"reason", "lock"}}));
}

TEST(SampleGroups, OfNoSamplesAreNone) { EXPECT_TRUE(GroupByLabels(WaitsLabelled({}), {}, 1).empty()); }

TEST(SampleGroups, HaveLegalNames) {
  EXPECT_EQ(SeriesLabelName("k8s.pod-name"), "k8s_pod_name");
  EXPECT_EQ(SeriesLabelName("9lives"), "_lives");
  EXPECT_EQ(SeriesLabelName("reason_2"), "reason_2");
  EXPECT_EQ(SeriesLabelName("\xc3\xa9"), "__");
}

}  // namespace
}  // namespace sonde::exporting
