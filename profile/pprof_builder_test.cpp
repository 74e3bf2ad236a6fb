#include "profile/pprof_builder.h"

#include <gtest/gtest.h>

#include "profile/pprof_file.h"

namespace sonde::profile {
namespace {

using Line = PprofBuilder::Line;

PprofBuilder CpuBuilder() { return PprofBuilder(Kind::kCpu, 1'000, 60'000, 10'101'010); }

uint64_t AddNamed(PprofBuilder* builder, std::string_view name, uint64_t address) {
  uint64_t mapping = builder->AddMapping("/bin/app", "abcd", 0x1000, 0x9000, 0x1000, true);
  Line line{.name = name, .system_name = "", .filename = "", .line = 0};
  return builder->AddLocation(mapping, address, {&line, 1});
}

TEST(PprofBuilder, WritesTheHeaderThatReadersNeed) {
  Pprof profile = CpuBuilder().Build();
  EXPECT_TRUE(Check(profile).ok()) << Check(profile);
  ASSERT_EQ(profile.sample_type_size(), 2);
  EXPECT_EQ(TextAt(profile, profile.sample_type(0).type()), "samples");
  EXPECT_EQ(TextAt(profile, profile.default_sample_type()), "cpu");
  EXPECT_EQ(TextAt(profile, profile.period_type().unit()), "nanoseconds");
  EXPECT_EQ(profile.period(), 10'101'010);
  EXPECT_EQ(profile.time_nanos(), 1'000);
  EXPECT_EQ(profile.duration_nanos(), 60'000);
}

TEST(PprofBuilder, SumsSamplesOfTheSameStackAndLabels) {
  PprofBuilder builder = CpuBuilder();
  uint64_t stack[] = {AddNamed(&builder, "leaf", 0x2000), AddNamed(&builder, "main", 0x3000)};
  int64_t values[] = {1, 10};
  builder.AddSample(stack, values, {{"reason", "on-cpu"}});
  builder.AddSample(stack, values, {{"reason", "on-cpu"}});
  builder.AddSample(stack, values, {{"reason", "blocked"}});
  Pprof profile = std::move(builder).Build();
  ASSERT_EQ(profile.sample_size(), 2);
  EXPECT_EQ(profile.sample(0).value(1), 20);
  EXPECT_EQ(profile.sample(1).value(0), 1);
}

TEST(PprofBuilder, StoresEqualPlacesOnceWithDenseIds) {
  PprofBuilder builder = CpuBuilder();
  EXPECT_EQ(AddNamed(&builder, "a", 0x2000), 1U);
  EXPECT_EQ(AddNamed(&builder, "b", 0x3000), 2U);
  EXPECT_EQ(AddNamed(&builder, "a", 0x2000), 1U);
  EXPECT_EQ(AddNamed(&builder, "a", 0x2008), 3U);
  Pprof profile = std::move(builder).Build();
  EXPECT_EQ(profile.mapping_size(), 1);
  EXPECT_EQ(profile.function_size(), 2);
  for (int i = 0; i < profile.location_size(); ++i) EXPECT_EQ(profile.location(i).id(), static_cast<uint64_t>(i) + 1);
}

TEST(PprofBuilder, KeepsNamedAndUnnamedPlacesOfAFileInTwoMappings) {
  PprofBuilder builder = CpuBuilder();
  uint64_t named = builder.AddMapping("/bin/app", "", 0, 1, 0, true);
  EXPECT_NE(builder.AddMapping("/bin/app", "", 0, 1, 0, false), named);
}

TEST(PprofBuilder, ClaimsFileNamesAndInlinesOnlyWhereTheyAre) {
  PprofBuilder builder = CpuBuilder();
  uint64_t plain = builder.AddMapping("/bin/plain", "", 0, 1, 0, true);
  uint64_t rich = builder.AddMapping("/bin/rich", "", 0, 1, 0, true);
  Line lines[] = {{.name = "inlined", .system_name = "", .filename = "a.c", .line = 7},
                  {.name = "outer", .system_name = "", .filename = "a.c", .line = 9, .start_line = 8}};
  builder.AddLocation(rich, 1, lines);
  Line bare{.name = "f", .system_name = "", .filename = "", .line = 0};
  builder.AddLocation(plain, 1, {&bare, 1});
  Pprof profile = std::move(builder).Build();
  EXPECT_FALSE(profile.mapping(0).has_filenames() || profile.mapping(0).has_inline_frames());
  EXPECT_TRUE(profile.mapping(1).has_filenames() && profile.mapping(1).has_inline_frames());
  EXPECT_TRUE(profile.mapping(1).has_line_numbers());
  EXPECT_EQ(TextAt(profile, profile.function(2).name()), "outer");
  EXPECT_EQ(profile.function(2).start_line(), 8);
}

TEST(PprofBuilder, LeavesOutSamplesWithoutValue) {
  PprofBuilder builder = CpuBuilder();
  uint64_t stack[] = {AddNamed(&builder, "f", 0x2000)};
  int64_t zero[] = {0, 0};
  builder.AddSample(stack, zero, {});
  EXPECT_EQ(std::move(builder).Build().sample_size(), 0);
}

TEST(PprofBuilder, MakesHostileNamesValidUtf8) {
  PprofBuilder builder = CpuBuilder();
  uint64_t stack[] = {AddNamed(&builder, "bad\xFFname", 0x2000)};
  int64_t values[] = {1, 1};
  builder.AddSample(stack, values, {{"comm", "\xC0"}});
  builder.AddComment("lost \xFE");
  Pprof profile = std::move(builder).Build();
  EXPECT_TRUE(Check(profile).ok()) << Check(profile);
}

}  // namespace
}  // namespace sonde::profile
