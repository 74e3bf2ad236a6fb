#include "agent/export/parca_profile.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profile/pprof_file.h"

namespace sonde::exporting {
namespace {

using parca::profilestore::v1alpha1::WriteRawRequest;
using profile::Kind;
using profile::Labels;
using profile::Pprof;

constexpr int64_t kParcaPeriod = 10'101'010;

struct SentSeries {
  Labels labels;
  Pprof pprof;

  std::string Word(int64_t index) const { return pprof.string_table(static_cast<int>(index)); }
  // "name:type:unit:period type:period unit", as the server makes it, for each sample type.
  std::vector<std::string> Types() const {
    std::vector<std::string> types;
    for (const auto& type : pprof.sample_type()) {
      types.push_back(absl::StrCat(labels.at("__name__"), ":", Word(type.type()), ":", Word(type.unit()), ":",
                                   Word(pprof.period_type().type()), ":", Word(pprof.period_type().unit())));
    }
    return types;
  }
  std::string LabelText(const std::string& name) const { return labels.contains(name) ? labels.at(name) : ""; }
};

// What the server refuses, or dies of.
void ExpectAcceptable(const SentSeries& series) {
  const Pprof& pprof = series.pprof;
  EXPECT_TRUE(profile::Check(pprof).ok()) << profile::Check(pprof);
  EXPECT_NE(series.LabelText("__name__"), "");
  EXPECT_TRUE(pprof.has_period_type());
  EXPECT_GT(pprof.period(), 0);
  for (int i = 0; i < pprof.mapping_size(); ++i) EXPECT_EQ(pprof.mapping(i).id(), static_cast<uint64_t>(i) + 1);
  for (int i = 0; i < pprof.function_size(); ++i) EXPECT_EQ(pprof.function(i).id(), static_cast<uint64_t>(i) + 1);
  for (int i = 0; i < pprof.location_size(); ++i) EXPECT_EQ(pprof.location(i).id(), static_cast<uint64_t>(i) + 1);
  for (const auto& [name, value] : series.labels) {
    EXPECT_THAT(name, testing::MatchesRegex("[a-zA-Z_][a-zA-Z0-9_]*"));
    EXPECT_TRUE(profile::IsValidUtf8(value)) << name;
    EXPECT_NE(value, "") << name;
  }
}

std::vector<SentSeries> ParcaSeriesIn(const WriteRawRequest& request) {
  std::vector<SentSeries> all;
  for (const auto& series : request.series()) {
    SentSeries& one = all.emplace_back();
    for (const auto& label : series.labels().labels()) {
      EXPECT_TRUE(one.labels.emplace(label.name(), label.value()).second) << label.name() << " twice";
    }
    EXPECT_EQ(series.samples_size(), 1);
    absl::StatusOr<Pprof> pprof = profile::Decode(series.samples(0).raw_profile(), size_t{64} << 20);
    EXPECT_TRUE(pprof.ok()) << pprof.status();
    if (pprof.ok()) one.pprof = *std::move(pprof);
    ExpectAcceptable(one);
  }
  return all;
}

std::vector<SentSeries> ParcaSeriesOf(const profile::EncodedProfile& profile, const ParcaLimits& limits = {}) {
  const absl::StatusOr<WriteRawRequest> request = MakeWriteRawRequest(profile, limits);
  EXPECT_TRUE(request.ok()) << request.status();
  return request.ok() ? ParcaSeriesIn(*request) : std::vector<SentSeries>();
}

int64_t SumOfSeries(const std::vector<SentSeries>& all, int value) {
  int64_t sum = 0;
  for (const SentSeries& series : all) {
    for (const auto& sample : series.pprof.sample()) sum += sample.value(value);
  }
  return sum;
}

// A profile in the making, of functions in /bin/app.
class MadeProfile {
 public:
  explicit MadeProfile(Kind kind)
      : kind_(kind), builder_(kind, 1'700'000'000'000'000'000, 60'000'000'000, Period(kind)) {}

  MadeProfile& Add(const std::vector<std::string>& stack, const std::vector<int64_t>& values,
                   const Labels& labels = {}) {
    const uint64_t mapping = builder_.AddMapping("/bin/app", "abcdef", 0x1000, 0x9000, 0x1000, true);
    std::vector<uint64_t> locations;
    for (const std::string& name : stack) {
      const uint64_t address = 0x2000 + 0x10 * addresses_.try_emplace(name, addresses_.size()).first->second;
      const std::string mangled = "_Z" + name;
      const profile::PprofBuilder::Line line{.name = name, .system_name = mangled, .filename = "", .line = 0};
      locations.push_back(builder_.AddLocation(mapping, address, {&line, 1}));
    }
    builder_.AddSample(locations, values, labels);
    return *this;
  }

  profile::EncodedProfile Encoded(Labels labels = {{"service_name", "web"}, {"node", "n1"}}) {
    profile::EncodedProfile encoded;
    encoded.kind = kind_;
    encoded.labels = std::move(labels);
    encoded.pprof_gz = profile::Encode(std::move(builder_).Build());
    return encoded;
  }

 private:
  static int64_t Period(Kind kind) { return kind == Kind::kCpu ? kParcaPeriod : 1; }

  Kind kind_;
  profile::PprofBuilder builder_;
  std::map<std::string, uint64_t> addresses_;
};

TEST(ParcaProfile, SendsOnCpuSamplesUnderItsAgentsName) {
  const auto all = ParcaSeriesOf(MadeProfile(Kind::kCpu).Add({"leaf", "main"}, {3, 3 * kParcaPeriod}).Encoded());
  ASSERT_EQ(all.size(), 1u);
  EXPECT_THAT(all[0].Types(), testing::ElementsAre("parca_agent:samples:count:cpu:nanoseconds"));
  EXPECT_EQ(all[0].pprof.period(), kParcaPeriod);
  EXPECT_EQ(all[0].pprof.time_nanos(), 1'700'000'000'000'000'000);
  EXPECT_EQ(all[0].pprof.duration_nanos(), 60'000'000'000);
  ASSERT_EQ(all[0].pprof.sample_size(), 1);
  EXPECT_THAT(all[0].pprof.sample(0).value(), testing::ElementsAre(3));
  EXPECT_EQ(all[0].LabelText("service_name"), "web");
  EXPECT_EQ(all[0].LabelText("node"), "n1");
}

TEST(ParcaProfile, SendsOffCpuTimeUnderItsAgentsNameAndTheCountsBeside) {
  const auto all = ParcaSeriesOf(MadeProfile(Kind::kOffCpu).Add({"leaf"}, {3, 77}).Add({"main"}, {0, 5}).Encoded());
  ASSERT_EQ(all.size(), 1u);
  EXPECT_THAT(all[0].Types(), testing::ElementsAre("parca_agent:wallclock:nanoseconds:samples:count",
                                                   "parca_agent:waits:count:samples:count"));
  EXPECT_EQ(all[0].pprof.period(), 1);
  EXPECT_THAT(all[0].pprof.sample(0).value(), testing::ElementsAre(77, 3));
  EXPECT_THAT(all[0].pprof.sample(1).value(), testing::ElementsAre(5, 0));
}

TEST(ParcaProfile, SendsOtherKindsUnderTheirOwnNames) {
  const auto wall = ParcaSeriesOf(MadeProfile(Kind::kWall).Add({"main"}, {9}).Encoded());
  ASSERT_EQ(wall.size(), 1u);
  EXPECT_THAT(wall[0].Types(), testing::ElementsAre("wall:wall:nanoseconds:wall:nanoseconds"));
  const auto faults = ParcaSeriesOf(MadeProfile(Kind::kFaults).Add({"main"}, {9, 4096}).Encoded());
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_THAT(faults[0].Types(),
              testing::ElementsAre("page_faults:faults:count:faults:count", "page_faults:bytes:bytes:faults:count"));
  EXPECT_THAT(faults[0].pprof.sample(0).value(), testing::ElementsAre(9, 4096));
  const auto lengths = ParcaSeriesOf(MadeProfile(Kind::kWaitLengths).Add({"[waits of 0 s to 512 ns]"}, {9}).Encoded());
  ASSERT_EQ(lengths.size(), 1u);
  EXPECT_THAT(lengths[0].Types(), testing::ElementsAre("wait_lengths:wait_lengths:count:wait_lengths:count"));
}

TEST(ParcaProfile, NoTwoKindsShareAType) {
  std::set<std::string> types;
  size_t sent = 0;
  for (Kind kind : profile::AllKinds()) {
    std::vector<int64_t> values(profile::SampleTypes(kind).size(), kParcaPeriod);
    if (values.size() > 1) values[0] = 1;
    for (const SentSeries& series : ParcaSeriesOf(MadeProfile(kind).Add({"main"}, values).Encoded())) {
      for (const std::string& type : series.Types()) types.insert(type);
      sent += series.Types().size();
    }
  }
  EXPECT_EQ(types.size(), sent);
  EXPECT_GE(sent, profile::AllKinds().size());
}

TEST(ParcaProfile, MakesASeriesOfEachLabelSetOfSamplesWithWhatItNeeds) {
  MadeProfile made(Kind::kOffCpu);
  made.Add({"futex", "main"}, {1, 10}, {{"reason", "lock"}, {"process", "a"}})
      .Add({"read", "main"}, {2, 20}, {{"reason", "disk"}, {"process", "a"}})
      .Add({"futex", "main"}, {3, 30}, {{"reason", "lock"}, {"process", "b"}})
      .Add({"futex"}, {4, 40}, {{"reason", "lock"}, {"process", "b"}});
  const auto all = ParcaSeriesOf(made.Encoded());
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(SumOfSeries(all, 0), 100);
  EXPECT_EQ(SumOfSeries(all, 1), 10);
  EXPECT_EQ(all[0].LabelText("reason"), "disk");
  EXPECT_EQ(all[0].LabelText("process"), "a");
  EXPECT_EQ(all[0].pprof.location_size(), 2);
  EXPECT_EQ(all[2].LabelText("process"), "b");
  ASSERT_EQ(all[2].pprof.sample_size(), 2);
  EXPECT_EQ(all[2].pprof.location_size(), 2);
  for (const SentSeries& series : all) {
    EXPECT_EQ(series.LabelText("service_name"), "web");
    for (const auto& sample : series.pprof.sample()) EXPECT_EQ(sample.label_size(), 0);
  }
}

TEST(ParcaProfile, LeavesLabelsOutAndNoSamplesWhenSeriesAreTooMany) {
  MadeProfile made(Kind::kOffCpu);
  for (int i = 0; i < 500; ++i) {
    made.Add({"main"}, {1, i + 1}, {{"reason", i % 2 == 0 ? "lock" : "disk"}, {"process", absl::StrCat("p", i)}});
  }
  const auto all = ParcaSeriesOf(made.Encoded());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].LabelText("reason"), "disk");
  EXPECT_EQ(all[0].LabelText("process"), "");
  EXPECT_EQ(SumOfSeries(all, 0), 500 * 501 / 2);
  EXPECT_EQ(SumOfSeries(all, 1), 500);
}

TEST(ParcaProfile, LeavesLabelsOutAndNoSamplesWhenARequestIsTooLarge) {
  MadeProfile made(Kind::kOffCpu);
  for (int i = 0; i < 60; ++i) {
    made.Add({absl::StrCat("f", i), "main"}, {1, i + 1},
             {{"reason", i % 2 == 0 ? "lock" : "disk"}, {"process", absl::StrCat(i)}});
  }
  const profile::EncodedProfile encoded = made.Encoded();
  EXPECT_EQ(ParcaSeriesOf(encoded).size(), 60u);
  const size_t large = MakeWriteRawRequest(encoded)->ByteSizeLong();
  const auto fewer = ParcaSeriesOf(encoded, {.max_series = 64, .max_request_bytes = large / 2});
  EXPECT_EQ(fewer.size(), 2u);
  EXPECT_EQ(SumOfSeries(fewer, 0), 60 * 61 / 2);
  const auto one = ParcaSeriesOf(encoded, {.max_series = 64, .max_request_bytes = 1});
  EXPECT_EQ(one.size(), 1u);
  EXPECT_EQ(SumOfSeries(one, 0), 60 * 61 / 2);
}

TEST(ParcaProfile, GivesPlacesByTheirAddressInTheFile) {
  const auto all = ParcaSeriesOf(MadeProfile(Kind::kWall).Add({"leaf", "main"}, {9}).Encoded());
  ASSERT_EQ(all.size(), 1u);
  const Pprof& pprof = all[0].pprof;
  ASSERT_EQ(pprof.mapping_size(), 1);
  EXPECT_EQ(pprof.mapping(0).memory_start(), 0u);
  EXPECT_EQ(pprof.mapping(0).memory_limit(), 0u);
  EXPECT_EQ(pprof.mapping(0).file_offset(), 0u);
  EXPECT_EQ(all[0].Word(pprof.mapping(0).build_id()), "abcdef");
  EXPECT_EQ(all[0].Word(pprof.mapping(0).filename()), "/bin/app");
  ASSERT_EQ(pprof.location_size(), 2);
  EXPECT_EQ(pprof.location(0).address(), 0x2000u);
  EXPECT_EQ(pprof.location(0).mapping_id(), 1u);
  const auto& function = pprof.function(static_cast<int>(pprof.location(1).line(0).function_id()) - 1);
  EXPECT_EQ(all[0].Word(function.name()), "main");
  EXPECT_EQ(all[0].Word(function.system_name()), "_Zmain");
}

TEST(ParcaProfile, MakesHostileLabelsLegal) {
  MadeProfile made(Kind::kOffCpu);
  made.Add({"main"}, {1, 10}, {{"node", "of the sample"}, {"__name__", "mine"}, {"a.b", "x"}});
  const auto all = ParcaSeriesOf(made.Encoded({{"__name__", "mine"},
                                               {"node", "n1"},
                                               {"k8s.pod", "p\xff"},
                                               {"k8s_pod", "second"},
                                               {"empty", ""},
                                               {"", "no name"}}));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].labels,
            (Labels{{"__name__", "parca_agent"}, {"a_b", "x"}, {"k8s_pod", "p\xEF\xBF\xBD"}, {"node", "n1"}}));
}

TEST(ParcaProfile, RenumbersTablesOfAnyIds) {
  profile::EncodedProfile encoded = MadeProfile(Kind::kWall).Add({"leaf", "main"}, {9}).Encoded();
  Pprof pprof = *profile::Decode(encoded.pprof_gz, 1 << 20);
  pprof.mutable_mapping(0)->set_id(900);
  for (auto& location : *pprof.mutable_location()) location.set_mapping_id(900);
  pprof.mutable_function(0)->set_id(77);
  pprof.mutable_location(0)->mutable_line(0)->set_function_id(77);
  pprof.mutable_location(1)->set_id(uint64_t{1} << 60);
  pprof.mutable_sample(0)->set_location_id(1, uint64_t{1} << 60);
  pprof.clear_period_type();
  pprof.clear_period();
  encoded.pprof_gz = profile::Encode(pprof);
  const auto all = ParcaSeriesOf(encoded);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(SumOfSeries(all, 0), 9);
  EXPECT_THAT(all[0].Types(), testing::ElementsAre("wall:wall:nanoseconds:wall:nanoseconds"));
}

TEST(ParcaProfile, GivesTheSameBytesForTheSameProfile) {
  MadeProfile made(Kind::kOffCpu);
  for (int i = 0; i < 200; ++i) {
    made.Add({absl::StrCat("f", i), absl::StrCat("g", i % 7), "main"}, {1, i}, {{"reason", absl::StrCat("r", i % 9)}});
  }
  const profile::EncodedProfile encoded = made.Encoded();
  EXPECT_EQ(MakeWriteRawRequest(encoded)->SerializeAsString(), MakeWriteRawRequest(encoded)->SerializeAsString());
}

TEST(ParcaProfile, RefusesWhatParcaWouldShowWrongly) {
  const auto unequal = MakeWriteRawRequest(MadeProfile(Kind::kCpu).Add({"main"}, {3, 3 * kParcaPeriod + 1}).Encoded());
  EXPECT_TRUE(absl::IsInvalidArgument(unequal.status()));
  EXPECT_THAT(std::string(unequal.status().message()), testing::HasSubstr("30303031 ns for a count of 3"));
  profile::EncodedProfile other = MadeProfile(Kind::kWall).Add({"main"}, {9}).Encoded();
  other.kind = Kind::kFaults;
  EXPECT_TRUE(absl::IsInvalidArgument(MakeWriteRawRequest(other).status()));
  other.pprof_gz = "no pprof";
  EXPECT_TRUE(absl::IsInvalidArgument(MakeWriteRawRequest(other).status()));
}

TEST(ParcaProfile, LeavesPlacesWithoutANameToAServerThatNamesThem) {
  const auto encoded = [](const std::string& path, const std::string& build_id) {
    profile::PprofBuilder builder(Kind::kWall, 1, 60'000'000'000, 1);
    const uint64_t mapping = builder.AddMapping(path, build_id, 0x1000, 0x9000, 0x1000, true);
    std::vector<uint64_t> stack;
    for (const char* name : {"app+0x1c40", "app+0xzz", "app", "main"}) {
      const profile::PprofBuilder::Line line{.name = name, .system_name = name, .filename = "", .line = 0};
      stack.push_back(builder.AddLocation(mapping, 0x2000 + stack.size(), {&line, 1}));
    }
    const int64_t value = 7;
    builder.AddSample(stack, {&value, 1}, {});
    profile::EncodedProfile profile;
    profile.kind = Kind::kWall;
    profile.labels = {{"service_name", "web"}};
    profile.pprof_gz = profile::Encode(std::move(builder).Build());
    return profile;
  };
  // How many lines the locations have, leaf first.
  const auto lines = [](const std::vector<SentSeries>& all) {
    std::vector<int> counts;
    for (const auto& location : all.at(0).pprof.location()) counts.push_back(location.line_size());
    return counts;
  };
  const ParcaLimits by_server{.server_names_the_rest = true};
  const auto bare = ParcaSeriesOf(encoded("/bin/app", "abcdef"), by_server);
  EXPECT_THAT(lines(bare), testing::ElementsAre(0, 1, 1, 1));
  EXPECT_EQ(bare[0].pprof.location(0).address(), 0x2000u);
  EXPECT_EQ(bare[0].Word(bare[0].pprof.mapping(0).build_id()), "abcdef");
  EXPECT_EQ(bare[0].pprof.function_size(), 3);
  // Not where it has no key to look by, nor in the kernel, and not unless it is to.
  EXPECT_THAT(lines(ParcaSeriesOf(encoded("/bin/app", ""), by_server)), testing::ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(lines(ParcaSeriesOf(encoded("app", "abcdef"), by_server)), testing::ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(lines(ParcaSeriesOf(encoded("/bin/app", "abcdef"))), testing::ElementsAre(1, 1, 1, 1));
}

}  // namespace
}  // namespace sonde::exporting
