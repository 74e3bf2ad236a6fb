#include "agent/export/otlp_profile.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "agent/export/otlp_profile_for_test.h"
#include "agent/export/otlp_rules_for_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

using profile::Kind;

OtlpRequest RequestOf(const profile::EncodedProfile& window) {
  auto request = MakeOtlpRequest(window, TestOrigin());
  EXPECT_TRUE(request.ok()) << request.status();
  return *request;
}

const otlp::Profile& ProfileOf(const OtlpRequest& request, int index) {
  return request.resource_profiles(0).scope_profiles(0).profiles(index);
}

std::string TypeOf(const OtlpRequest& request, const otlp::ValueType& type) {
  return request.dictionary().string_table(type.type_strindex()) + "/" +
         request.dictionary().string_table(type.unit_strindex());
}

std::string TextOf(const otlp::ProfilesDictionary& tables, const otlp::KeyValueAndUnit& attribute) {
  const auto& value = attribute.value();
  if (value.has_bool_value()) return absl::StrCat(value.bool_value());
  if (value.has_int_value()) return absl::StrCat(value.int_value(), tables.string_table(attribute.unit_strindex()));
  return value.string_value();
}

using Indices = google::protobuf::RepeatedField<int32_t>;
std::map<std::string, std::string> Texts(const OtlpRequest& request, const Indices& indices) {
  const otlp::ProfilesDictionary& tables = request.dictionary();
  std::map<std::string, std::string> texts;
  for (int32_t index : indices) {
    const auto& attribute = tables.attribute_table(index);
    texts[tables.string_table(attribute.key_strindex())] = TextOf(tables, attribute);
  }
  return texts;
}

class EveryKind : public testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(OtlpProfile, EveryKind, testing::Values(Kind::kCpu, Kind::kOffCpu, Kind::kWall, Kind::kFaults),
                         [](const auto& kind) { return std::string(profile::KindName(kind.param)); });

TEST_P(EveryKind, TellsEverySampleToTheLastUnit) {
  const profile::EncodedProfile window = TestWindow(GetParam(), 50);
  Told told;
  Tell(RequestOf(window), &told);
  EXPECT_EQ(told, Expected(*profile::Decode(window.pprof_gz, size_t{1} << 20), GetParam()));
}

TEST_P(EveryKind, BreaksNoRuleOfTheFormat) {
  EXPECT_THAT(OtlpRules::BrokenBy(RequestOf(TestWindow(GetParam(), 50))), testing::IsEmpty());
}

TEST_P(EveryKind, IsTheSameRequestAgain) {
  const profile::EncodedProfile window = TestWindow(GetParam(), 50);
  EXPECT_EQ(RequestOf(window).SerializeAsString(), RequestOf(window).SerializeAsString());
}

TEST(OtlpProfile, TellsTypesAndPeriodsTheDefaultTypeFirst) {
  const OtlpRequest cpu = RequestOf(TestWindow(Kind::kCpu, 5));
  EXPECT_EQ(TypeOf(cpu, ProfileOf(cpu, 0).sample_type()), "cpu/nanoseconds");
  EXPECT_EQ(TypeOf(cpu, ProfileOf(cpu, 1).sample_type()), "samples/count");
  for (int i : {0, 1}) {
    EXPECT_EQ(TypeOf(cpu, ProfileOf(cpu, i).period_type()), "cpu/nanoseconds");
    EXPECT_EQ(ProfileOf(cpu, i).period(), 10'101'010);
    EXPECT_EQ(ProfileOf(cpu, i).time_unix_nano(), 1'700'000'000'123'456'789u);
    EXPECT_EQ(ProfileOf(cpu, i).duration_nano(), 59'999'999'999u);
  }
  const OtlpRequest faults = RequestOf(TestWindow(Kind::kFaults, 5));
  EXPECT_EQ(TypeOf(faults, ProfileOf(faults, 0).sample_type()), "bytes/bytes");
  EXPECT_EQ(TypeOf(faults, ProfileOf(faults, 1).sample_type()), "faults/count");
}

TEST(OtlpProfile, TellsTimeThatIsTicksByTheirCountAndPeriodAlone) {
  profile::PprofBuilder builder(Kind::kCpu, 1, 1, 10'000'000);
  for (int64_t ticks : {3, 5}) builder.AddSample({}, std::array{ticks, ticks * 10'000'000}, {{"process", "a"}});
  profile::EncodedProfile window;
  window.kind = Kind::kCpu;
  profile::Pprof pprof = std::move(builder).Build();
  window.pprof_gz = profile::Encode(pprof);
  const OtlpRequest exact = RequestOf(window);
  ASSERT_EQ(exact.resource_profiles(0).scope_profiles(0).profiles_size(), 1);
  EXPECT_EQ(TypeOf(exact, ProfileOf(exact, 0).sample_type()), "samples/count");
  EXPECT_EQ(ProfileOf(exact, 0).samples(0).values(0), 8);
  EXPECT_EQ(ProfileOf(exact, 0).period(), 10'000'000);
  EXPECT_THAT(OtlpRules::BrokenBy(exact), testing::IsEmpty());
  pprof.mutable_sample(0)->set_value(1, 80'000'001);
  window.pprof_gz = profile::Encode(pprof);
  const OtlpRequest other = RequestOf(window);
  ASSERT_EQ(other.resource_profiles(0).scope_profiles(0).profiles_size(), 2);
  EXPECT_EQ(TypeOf(other, ProfileOf(other, 0).sample_type()), "cpu/nanoseconds");
}

// All kinds of two services.
std::vector<profile::EncodedProfile> WholeWindow() {
  std::vector<profile::EncodedProfile> window;
  for (Kind kind : profile::AllKinds()) {
    for (const char* service : {"web", "db"}) {
      window.push_back(TestWindow(kind, 50));
      window.back().labels["service_name"] = service;
      window.back().sequence = window.size();
    }
  }
  return window;
}

TEST(OtlpProfile, SharesTheTablesOfAWindowAndLosesNothing) {
  const OtlpOrigin origin = TestOrigin();
  OtlpRequestWriter writer(origin);
  size_t alone_bytes = 0;
  Told expected, told;
  std::set<std::string> ids;
  for (const profile::EncodedProfile& one : WholeWindow()) {
    const OtlpRequest alone = RequestOf(one);
    alone_bytes += alone.ByteSizeLong();
    Tell(alone, &expected);
    ASSERT_TRUE(writer.Add(one).ok());
  }
  const size_t promised_bytes = writer.Bytes();
  const OtlpRequest request = std::move(writer).Take();
  Tell(request, &told);
  EXPECT_EQ(told, expected);
  EXPECT_THAT(OtlpRules::BrokenBy(request), testing::IsEmpty());
  EXPECT_EQ(request.resource_profiles_size(), 2);
  EXPECT_LE(request.ByteSizeLong(), promised_bytes);
  EXPECT_LT(request.ByteSizeLong(), alone_bytes / 2);
  for (const auto& of_resource : request.resource_profiles()) {
    for (const auto& one : of_resource.scope_profiles(0).profiles()) ids.insert(one.profile_id());
  }
  EXPECT_EQ(ids.size(), 16u) << "two types of three kinds, and one of two, twice";
}

TEST(OtlpProfile, PutsPlacesInTheOrderOfTheirAddressesAndStacksBesideTheirLike) {
  const OtlpRequest request = RequestOf(TestWindow(Kind::kWall, 50));
  const otlp::ProfilesDictionary& tables = request.dictionary();
  const auto is_before = [](const otlp::Location& one, const otlp::Location& other) {
    return std::pair(one.mapping_index(), one.address()) < std::pair(other.mapping_index(), other.address());
  };
  EXPECT_TRUE(std::is_sorted(tables.location_table().begin(), tables.location_table().end(), is_before));
  int32_t outermost = 0;
  for (const otlp::Stack& stack : tables.stack_table()) {
    if (stack.location_indices().empty()) continue;
    EXPECT_GE(*stack.location_indices().rbegin(), outermost);
    outermost = *stack.location_indices().rbegin();
  }
}

TEST(OtlpProfile, NamesTimeOffTheCpuAsOthersDoWithoutAPeriod) {
  const OtlpRequest waits = RequestOf(TestWindow(Kind::kOffCpu, 5));
  EXPECT_EQ(TypeOf(waits, ProfileOf(waits, 0).sample_type()), "off_cpu/nanoseconds");
  EXPECT_FALSE(ProfileOf(waits, 0).has_period_type());
  EXPECT_EQ(ProfileOf(waits, 0).period(), 0);
  EXPECT_EQ(TypeOf(waits, ProfileOf(waits, 1).sample_type()), "waits/count");
  EXPECT_EQ(TypeOf(waits, ProfileOf(waits, 1).period_type()), "waits/count");
}

TEST(OtlpProfile, TellsWhoWasProfiledAndByWhom) {
  const OtlpRequest request = RequestOf(TestWindow(Kind::kWall, 1));
  std::map<std::string, std::string> resource;
  for (const auto& attribute : request.resource_profiles(0).resource().attributes()) {
    resource[attribute.key()] = attribute.value().string_value();
  }
  EXPECT_EQ(resource, (std::map<std::string, std::string>{
                          {"service.name", "web"}, {"host.name", "n1"}, {"host.id", "0123456789abcdef"}}));
  EXPECT_EQ(request.resource_profiles(0).scope_profiles(0).scope().name(), "sonde");
  EXPECT_EQ(request.resource_profiles(0).scope_profiles(0).scope().version(), "9.8.7");
}

TEST(OtlpProfile, TellsOfMappingsFramesAndComments) {
  const OtlpRequest request = RequestOf(TestWindow(Kind::kWall, 1));
  const otlp::ProfilesDictionary& tables = request.dictionary();
  std::map<std::string, std::map<std::string, std::string>> mappings;
  for (const auto& mapping : tables.mapping_table()) {
    mappings[tables.string_table(mapping.filename_strindex())] = Texts(request, mapping.attribute_indices());
  }
  EXPECT_EQ(mappings["/usr/bin/server"]["process.executable.build_id.gnu"], "00ff");
  EXPECT_EQ(mappings["/usr/bin/server"]["pprof.mapping.has_inline_frames"], "1");
  EXPECT_EQ(mappings["/usr/lib/libc.so.6"], (std::map<std::string, std::string>{{"pprof.mapping.has_functions", "1"}}));
  std::map<std::string, std::string> types;
  for (const auto& location : tables.location_table()) {
    if (location.lines().empty()) continue;
    const auto& function = tables.function_table(location.lines().rbegin()->function_index());
    types[tables.string_table(function.name_strindex())] =
        Texts(request, location.attribute_indices())["profile.frame.type"];
  }
  EXPECT_EQ(types, (std::map<std::string, std::string>{
                       {"futex_wait", "kernel"}, {"pthread_cond_wait", "native"}, {"server::Step0(int)", "native"}}));
  const auto& comments = tables.attribute_table(ProfileOf(request, 0).attribute_indices(0));
  EXPECT_EQ(tables.string_table(comments.key_strindex()), "pprof.profile.comment");
  EXPECT_THAT(comments.value().array_value().values(0).string_value(), testing::HasSubstr("17 stacks"));
}

// A pprof of one sample with these labels.
using NumberOrText = std::pair<std::string, std::string>;
profile::EncodedProfile WithLabels(const std::vector<NumberOrText>& labels) {
  profile::PprofBuilder builder(Kind::kWall, 1, 1, 1);
  builder.AddSample({}, std::array<int64_t, 1>{5}, {});
  profile::Pprof pprof = std::move(builder).Build();
  const auto intern = [&pprof](const std::string& text) {
    pprof.add_string_table(text);
    return pprof.string_table_size() - 1;
  };
  for (const auto& [key, value] : labels) {
    auto* label = pprof.mutable_sample(0)->add_label();
    label->set_key(intern(key));
    if (key == "pid" || key == "size") {
      label->set_num(std::stoll(value));
      if (key == "size") label->set_num_unit(intern("By"));
    } else {
      label->set_str(intern(value));
    }
  }
  profile::EncodedProfile window;
  window.kind = Kind::kWall;
  window.pprof_gz = profile::Encode(pprof);
  return window;
}

TEST(OtlpProfile, KeepsLabelsOfSamplesAsAttributesOfTheirType) {
  const OtlpRequest request =
      RequestOf(WithLabels({{"pid", "17"}, {"comm", "worker"}, {"size", "4096"}, {"reason", "disk"}}));
  EXPECT_EQ(Texts(request, ProfileOf(request, 0).samples(0).attribute_indices()),
            (std::map<std::string, std::string>{
                {"process.pid", "17"}, {"thread.name", "worker"}, {"sonde.size", "4096By"}, {"sonde.reason", "disk"}}));
  EXPECT_THAT(OtlpRules::BrokenBy(request), testing::IsEmpty());
}

TEST(OtlpProfile, LinksSamplesToTheSpanTheyBelongTo) {
  const OtlpRequest request =
      RequestOf(WithLabels({{"trace_id", "000102030405060708090a0b0c0d0e0f"}, {"span_id", "1011121314151617"}}));
  const otlp::Sample& sample = ProfileOf(request, 0).samples(0);
  EXPECT_TRUE(sample.attribute_indices().empty());
  const otlp::Link& link = request.dictionary().link_table(sample.link_index());
  EXPECT_EQ(link.trace_id(), std::string("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16));
  EXPECT_EQ(link.span_id(), "\20\21\22\23\24\25\26\27");
  EXPECT_THAT(OtlpRules::BrokenBy(request), testing::IsEmpty());
}

TEST(OtlpProfile, TakesAnIdThatIsNoneForALabel) {
  const OtlpRequest request = RequestOf(WithLabels({{"trace_id", "xyz"}, {"span_id", "1011121314151617"}}));
  EXPECT_EQ(ProfileOf(request, 0).samples(0).link_index(), 0);
  EXPECT_EQ(Texts(request, ProfileOf(request, 0).samples(0).attribute_indices())["sonde.trace_id"], "xyz");
}

TEST(OtlpProfile, HasIdsThatTellInstanceSequenceAndPartApart) {
  std::set<std::string> ids;
  profile::EncodedProfile window = TestWindow(Kind::kCpu, 5);
  const std::string instance = window.instance, other = "8d7f2b1c-1111-4222-8333-944455556667";
  for (const std::string& made_by : {instance, other}) {
    window.instance = made_by;
    for (uint64_t sequence : {1, 2, 256}) {
      for (uint64_t part : {1, 2, 3}) {
        window.sequence = sequence;
        window.part = part;
        const auto request = MakeOtlpRequest(window, TestOrigin());
        for (int i : {0, 1}) ids.insert(ProfileOf(*request, i).profile_id());
      }
    }
  }
  EXPECT_EQ(ids.size(), 36u);
}

TEST(OtlpProfile, IsNothingWhenThereIsNothingToTell) {
  profile::EncodedProfile window;
  window.pprof_gz = profile::Encode(profile::PprofBuilder(Kind::kCpu, 1, 1, 1).Build());
  EXPECT_TRUE(RequestOf(window).resource_profiles().empty());
}

TEST(OtlpProfile, IsRefusedWhenItIsNoProfile) {
  profile::EncodedProfile window;
  window.pprof_gz = "not a profile";
  EXPECT_EQ(MakeOtlpRequest(window, TestOrigin()).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sonde::exporting
