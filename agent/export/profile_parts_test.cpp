#include "agent/export/profile_parts.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "profile/pprof_file.h"

namespace sonde::exporting {
namespace {

constexpr size_t kMaxBytes = size_t{64} << 20;

// `count` stacks of one frame each, with long names; the values are 1, 2, ...
ProfilePtr LongNames(int count) {
  profile::PprofBuilder builder(profile::Kind::kWall, 1, 60'000'000'000, 1);
  const uint64_t mapping = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
  for (int i = 1; i <= count; ++i) {
    const std::string name = absl::StrCat("function", i, std::string(200, 'x'));
    const profile::PprofBuilder::Line line{.name = name, .system_name = "", .filename = "", .line = 0};
    const uint64_t stack[] = {builder.AddLocation(mapping, static_cast<uint64_t>(i), {&line, 1})};
    const int64_t value = i;
    builder.AddSample(stack, {&value, 1}, {});
  }
  auto profile = std::make_shared<profile::EncodedProfile>();
  profile->kind = profile::Kind::kWall;
  profile->labels = {{"service_name", "web"}};
  profile->start_unix_ns = 1;
  profile->sequence = 9;
  profile->pprof_gz = profile::Encode(std::move(builder).Build());
  return profile;
}

std::vector<profile::EncodedProfile> AllParts(ProfileParts parts) {
  std::vector<profile::EncodedProfile> all;
  for (; !parts.AreSettled(); parts.SettleCurrent()) all.push_back(*parts.Current());
  return all;
}

TEST(ProfileParts, AreTheProfileItselfWhenItFits) {
  const ProfilePtr profile = LongNames(10);
  for (const auto& limits :
       std::vector<std::optional<PushLimits>>{std::nullopt, PushLimits{.pprof_bytes = 1 << 20, .samples = 10}}) {
    ProfileParts parts(profile, limits);
    EXPECT_EQ(parts.Current().get(), profile.get());
    parts.SettleCurrent();
    EXPECT_TRUE(parts.AreSettled());
  }
}

TEST(ProfileParts, AreWithinTheLimitsAndAddUpToTheProfile) {
  const ProfilePtr profile = LongNames(1000);
  for (const PushLimits& limits :
       {PushLimits{.pprof_bytes = 20'000, .samples = 1 << 20}, PushLimits{.pprof_bytes = 1 << 30, .samples = 30}}) {
    int64_t sum = 0;
    std::vector<uint64_t> numbers;
    for (const profile::EncodedProfile& part : AllParts(ProfileParts(profile, limits))) {
      const absl::StatusOr<profile::Pprof> pprof = profile::Decode(part.pprof_gz, kMaxBytes);
      ASSERT_TRUE(pprof.ok()) << pprof.status();
      EXPECT_LE(pprof->ByteSizeLong(), limits.pprof_bytes);
      EXPECT_LE(static_cast<size_t>(pprof->sample_size()), limits.samples);
      for (const auto& sample : pprof->sample()) sum += sample.value(0);
      EXPECT_EQ(part.labels, profile->labels);
      EXPECT_EQ(part.sequence, 9u);
      EXPECT_EQ(part.start_unix_ns, 1);
      EXPECT_EQ(part.kind, profile::Kind::kWall);
      numbers.push_back(part.part);
    }
    EXPECT_EQ(sum, 1000 * 1001 / 2);
    EXPECT_GT(numbers.size(), 8u);
    std::sort(numbers.begin(), numbers.end());
    EXPECT_EQ(std::adjacent_find(numbers.begin(), numbers.end()), numbers.end());
    EXPECT_GT(numbers.front(), 1u);
  }
}

TEST(ProfileParts, AreTheSameBytesAgain) {
  const PushLimits limits{.pprof_bytes = 20'000, .samples = 1 << 20};
  const std::vector<profile::EncodedProfile> first = AllParts(ProfileParts(LongNames(500), limits));
  const std::vector<profile::EncodedProfile> again = AllParts(ProfileParts(LongNames(500), limits));
  ASSERT_EQ(first.size(), again.size());
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].pprof_gz, again[i].pprof_gz);
    EXPECT_EQ(first[i].part, again[i].part);
  }
}

TEST(ProfileParts, AreHalvedFurtherDownToOneSample) {
  ProfileParts parts(LongNames(3), std::nullopt);
  ASSERT_TRUE(parts.HalveCurrent());
  EXPECT_EQ(parts.Current()->part, 2u);
  EXPECT_FALSE(parts.HalveCurrent());
  parts.SettleCurrent();
  EXPECT_EQ(parts.Current()->part, 3u);
  ASSERT_TRUE(parts.HalveCurrent());
  EXPECT_EQ(parts.Current()->part, 6u);
  parts.SettleCurrent();
  EXPECT_EQ(parts.Current()->part, 7u);
  EXPECT_FALSE(parts.HalveCurrent());
  parts.SettleCurrent();
  EXPECT_TRUE(parts.AreSettled());
}

TEST(ProfileParts, LeaveWhatIsNoPprofToTheServer) {
  auto profile = std::make_shared<profile::EncodedProfile>();
  profile->pprof_gz = std::string(1000, 'x');
  ProfileParts parts(profile, PushLimits{.pprof_bytes = 10, .samples = 1});
  EXPECT_EQ(parts.Current().get(), profile.get());
  EXPECT_FALSE(parts.HalveCurrent());
}

}  // namespace
}  // namespace sonde::exporting
