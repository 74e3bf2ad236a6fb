#include "collector/ingest/unpack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/ingest/testing/pushes.h"

namespace sonde::ingest {
namespace {

using ::testing::HasSubstr;
using testing::OneStack;
using testing::RequestOf;
using testing::WallRequest;

constexpr int64_t kNow = 1'700'000'000'000'000'000;

// The one profile of a good request.
store::NewProfile Unpacked(const ::push::v1::PushRequest& request) {
  auto profiles = Unpack(request, Limits{}, kNow);
  EXPECT_TRUE(profiles.ok()) << profiles.status();
  if (!profiles.ok() || profiles->size() != 1) return {};
  return profiles->front();
}

std::string Refusal(const ::push::v1::PushRequest& request, const Limits& limits = {}) {
  auto profiles = Unpack(request, limits, kNow);
  EXPECT_EQ(profiles.status().code(), absl::StatusCode::kInvalidArgument) << profiles.status();
  return std::string(profiles.status().message());
}

::push::v1::PushRequest WithLabel(const std::string& name, const std::string& value) {
  auto request = WallRequest(1, 1);
  auto* label = request.mutable_series(0)->add_labels();
  label->set_name(name);
  label->set_value(value);
  return request;
}

TEST(Unpack, TakesASeriesApart) {
  auto request = WallRequest(kNow, 5);
  store::NewProfile profile = Unpacked(request);
  EXPECT_EQ(profile.kind, "wall");
  EXPECT_EQ(profile.labels, (profile::Labels{{"service_name", "app"}}));
  EXPECT_EQ(profile.start_unix_ns, kNow);
  EXPECT_EQ(profile.duration_ns, 60'000'000'000);
  EXPECT_EQ(profile::Encode(profile.pprof), request.series(0).samples(0).raw_profile());
}

TEST(Unpack, KnowsOurKindsByNameAndTypes) {
  for (profile::Kind kind : profile::AllKinds()) {
    auto request =
        RequestOf(profile::Encode(OneStack(kind, 1, 1)), {{"__name__", std::string(profile::PyroscopeName(kind))}});
    EXPECT_EQ(Unpacked(request).kind, profile::KindName(kind));
  }
}

TEST(Unpack, KeepsForeignNamesApartFromOurKinds) {
  std::string cpu = profile::Encode(OneStack(profile::Kind::kCpu, 1, 1));
  EXPECT_EQ(Unpacked(RequestOf(cpu, {{"__name__", "memory"}})).kind, "memory");
  EXPECT_EQ(Unpacked(RequestOf(cpu, {{"__name__", "wall"}})).kind, "wall:cpu");
  EXPECT_EQ(Unpacked(RequestOf(cpu, {{"__name__", "off_cpu"}})).kind, "off_cpu");
}

TEST(Unpack, TakesTimeZeroAsNow) { EXPECT_EQ(Unpacked(WallRequest(0, 5)).start_unix_ns, kNow); }

TEST(Unpack, TakesPlainProfiles) {
  auto plain = OneStack(profile::Kind::kWall, 1, 1).SerializeAsString();
  EXPECT_EQ(Unpacked(RequestOf(plain, {{"__name__", "wall"}})).pprof.sample_size(), 1);
}

TEST(Unpack, RefusesWindowsThatNoHostHas) {
  constexpr int64_t kHour = int64_t{3'600} * 1'000'000'000;
  EXPECT_EQ(Unpacked(WallRequest(kNow + kHour, 1)).start_unix_ns, kNow + kHour);
  EXPECT_THAT(Refusal(WallRequest(kNow + kHour + 1, 1)), HasSubstr("in the future"));
  auto pprof = OneStack(profile::Kind::kWall, kNow, 1);
  pprof.set_duration_nanos(24 * kHour + 1);
  EXPECT_THAT(Refusal(RequestOf(profile::Encode(pprof), {{"__name__", "wall"}})), HasSubstr("more than a day"));
}

TEST(Unpack, RefusesMoreSampleTypesThanItsLimit) {
  profile::Pprof pprof = OneStack(profile::Kind::kWall, kNow, 1);
  for (int i = 0; i < 32; ++i) {
    *pprof.add_sample_type() = pprof.sample_type(0);
    pprof.mutable_sample(0)->add_value(1);
  }
  EXPECT_THAT(Refusal(RequestOf(profile::Encode(pprof), {{"__name__", "wall"}})), HasSubstr("the limit is 32"));
}

TEST(Unpack, TakesAnEmptyLabelAsAbsent) { EXPECT_EQ(Unpacked(WithLabel("pod", "")).labels.count("pod"), 0U); }

TEST(Unpack, RefusesEmptyRequests) {
  EXPECT_THAT(Refusal({}), HasSubstr("no series"));
  auto request = WallRequest(1, 1);
  request.mutable_series(0)->clear_samples();
  EXPECT_THAT(Refusal(request), HasSubstr("series 0: it holds no profile"));
}

TEST(Unpack, RefusesBadLabels) {
  EXPECT_THAT(Refusal(RequestOf("x", {{"service_name", "app"}})), HasSubstr("__name__"));
  EXPECT_THAT(Refusal(WithLabel("", "x")), HasSubstr("no name"));
  EXPECT_THAT(Refusal(WithLabel("service_name", "again")), HasSubstr("'service_name' is given twice"));
  EXPECT_THAT(Refusal(WithLabel(std::string(1025, 'n'), "x")), HasSubstr("1024"));
  EXPECT_THAT(Refusal(WithLabel("pod", std::string(2049, 'v'))), HasSubstr("2048"));
  EXPECT_THAT(Refusal(WithLabel("pod", "\xFF")), HasSubstr("UTF-8"));
  auto many = WallRequest(1, 1);
  for (int i = 0; i < 29; ++i) many.mutable_series(0)->add_labels()->set_name("l" + std::to_string(i));
  EXPECT_THAT(Refusal(many), HasSubstr("limit of 30"));
}

TEST(Unpack, WritesHostileLabelNamesOnOneLine) {
  auto request = WithLabel("bad\nname", "x");
  *request.mutable_series(0)->add_labels() = request.series(0).labels(2);
  EXPECT_THAT(Refusal(request), HasSubstr("bad\\nname"));
}

TEST(Unpack, SaysWhichProfileIsTruncated) {
  auto request = WallRequest(1, 1);
  std::string whole = request.series(0).samples(0).raw_profile();
  request.mutable_series(0)->add_samples()->set_raw_profile(whole.substr(0, whole.size() / 2));
  EXPECT_THAT(Refusal(request), HasSubstr("series 0, profile 1: not a usable pprof"));
}

TEST(Unpack, NamesTheLimitThatAProfileExceeds) {
  Limits limits{.max_profile_bytes = 20, .max_request_bytes = 1000};
  EXPECT_THAT(Refusal(WallRequest(1, 1), limits), HasSubstr("limit of 20 bytes"));
}

TEST(Unpack, NamesTheLimitThatAllProfilesTogetherExceed) {
  auto request = WallRequest(1, 1);
  for (int i = 0; i < 9; ++i) *request.mutable_series(0)->add_samples() = request.series(0).samples(0);
  Limits limits{.max_profile_bytes = 1000, .max_request_bytes = 1000};
  EXPECT_THAT(Refusal(request, limits), HasSubstr("limit of 1000 bytes"));
}

}  // namespace
}  // namespace sonde::ingest
