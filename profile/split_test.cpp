#include "profile/split.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "profile/pprof_file.h"

namespace sonde::profile {
namespace {

constexpr int kStacks = 101;

// Stacks that share some places, with labels and both values.
Pprof ManyStacks() {
  PprofBuilder builder(Kind::kOffCpu, 1'700'000'000'000'000'000, 60'000'000'000, 1);
  const uint64_t program = builder.AddMapping("/bin/app", "abcd", 0, 0x1000, 0, true);
  const uint64_t library = builder.AddMapping("/lib/libc.so.6", "ef", 0, 0x1000, 0, true);
  for (uint64_t i = 0; i < kStacks; ++i) {
    std::vector<uint64_t> stack;
    const std::string leaf = absl::StrCat("leaf", i);
    for (const std::string& name : {leaf, absl::StrCat("shared", i % 7), std::string("main")}) {
      const std::string mangled = "_Z" + name;
      const PprofBuilder::Line line{.name = name, .system_name = mangled, .filename = "a.cpp", .line = 3};
      const uint64_t mapping = name == leaf ? library : program;
      stack.push_back(builder.AddLocation(mapping, std::hash<std::string>()(name), {&line, 1}));
    }
    const std::vector<int64_t> values = {static_cast<int64_t>(i) + 1, static_cast<int64_t>(i * i) * 1'000'003 + 7};
    builder.AddSample(stack, values, {{"reason", i % 2 == 0 ? "disk" : "lock"}});
  }
  builder.AddComment("lost 3 of them");
  return std::move(builder).Build();
}

// What each stack with its labels has, in words that do not depend on ids.
std::map<std::string, std::vector<int64_t>> SumsOf(const std::vector<Pprof>& profiles) {
  std::map<std::string, std::vector<int64_t>> sums;
  for (const Pprof& profile : profiles) {
    auto text = [&profile](int64_t index) { return profile.string_table(static_cast<int>(index)); };
    for (const auto& sample : profile.sample()) {
      std::string key;
      for (uint64_t id : sample.location_id()) {
        const auto& location = profile.location(static_cast<int>(id) - 1);
        absl::StrAppend(&key, text(profile.mapping(static_cast<int>(location.mapping_id()) - 1).filename()), "+",
                        location.address());
        for (const auto& line : location.line()) {
          const auto& function = profile.function(static_cast<int>(line.function_id()) - 1);
          absl::StrAppend(&key, " ", text(function.name()), " ", text(function.system_name()), " ",
                          text(function.filename()), ":", line.line());
        }
        key += ";";
      }
      for (const auto& label : sample.label()) absl::StrAppend(&key, text(label.key()), "=", text(label.str()));
      std::vector<int64_t>& sum = sums[key];
      sum.resize(static_cast<size_t>(sample.value_size()));
      for (int i = 0; i < sample.value_size(); ++i) sum[static_cast<size_t>(i)] += sample.value(i);
    }
  }
  return sums;
}

TEST(Halve, KeepsEverySampleToTheLastNanosecond) {
  const Pprof whole = ManyStacks();
  const auto halves = Halve(whole);
  ASSERT_TRUE(halves.has_value());
  EXPECT_EQ((*halves)[0].sample_size() + (*halves)[1].sample_size(), kStacks);
  EXPECT_EQ(SumsOf({(*halves)[0], (*halves)[1]}), SumsOf({whole}));
}

TEST(Halve, MakesWholeProfilesWithTheSameTypesAndTimes) {
  const Pprof whole = ManyStacks();
  const auto halves = Halve(whole);
  ASSERT_TRUE(halves.has_value());
  for (const Pprof& half : *halves) {
    EXPECT_TRUE(Check(half).ok()) << Check(half);
    for (int i = 0; i < half.location_size(); ++i) EXPECT_EQ(half.location(i).id(), static_cast<uint64_t>(i) + 1);
    for (int i = 0; i < half.function_size(); ++i) EXPECT_EQ(half.function(i).id(), static_cast<uint64_t>(i) + 1);
    ASSERT_EQ(half.mapping_size(), 2);
    EXPECT_EQ(half.string_table(static_cast<int>(half.mapping(0).filename())), "/bin/app");
    EXPECT_TRUE(half.mapping(0).has_functions());
    ASSERT_EQ(half.sample_type_size(), 2);
    EXPECT_EQ(half.string_table(static_cast<int>(half.sample_type(1).type())), "delay");
    EXPECT_EQ(half.string_table(static_cast<int>(half.default_sample_type())), "delay");
    EXPECT_EQ(half.time_nanos(), whole.time_nanos());
    EXPECT_EQ(half.duration_nanos(), whole.duration_nanos());
    EXPECT_EQ(half.period(), whole.period());
    EXPECT_LT(half.ByteSizeLong(), whole.ByteSizeLong());
  }
  EXPECT_EQ((*halves)[0].comment_size(), 1);
  EXPECT_EQ((*halves)[1].comment_size(), 0);
}

TEST(Halve, GoesDownToSingleSamples) {
  std::vector<Pprof> parts = {ManyStacks()};
  const auto all = SumsOf(parts);
  for (size_t i = 0; i < parts.size();) {
    auto halves = Halve(parts[i]);
    if (!halves.has_value()) {
      ++i;
      continue;
    }
    parts[i] = std::move((*halves)[0]);
    parts.push_back(std::move((*halves)[1]));
  }
  EXPECT_EQ(parts.size(), static_cast<size_t>(kStacks));
  EXPECT_EQ(SumsOf(parts), all);
}

}  // namespace
}  // namespace sonde::profile
