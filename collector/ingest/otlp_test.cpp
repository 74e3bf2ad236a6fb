#include "collector/ingest/otlp.h"

#include <gmock/gmock.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "profile/pprof_file.h"

namespace sonde::ingest {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kOtlpNow = 1'700'000'000'000'000'000;

// One off-CPU sample of read called by main, of a service, with a reason.
OtlpExport OneExport() {
  OtlpExport request;
  auto* tables = request.mutable_dictionary();
  for (const char* text : {"", "off_cpu", "nanoseconds", "read", "main", "/bin/app", "sonde.reason",
                           "process.executable.build_id.gnu", "abcd"}) {
    tables->add_string_table(text);
  }
  tables->add_mapping_table();
  auto* mapping = tables->add_mapping_table();
  mapping->set_filename_strindex(5);
  mapping->add_attribute_indices(2);
  tables->add_function_table();
  tables->add_function_table()->set_name_strindex(3);
  tables->add_function_table()->set_name_strindex(4);
  tables->add_location_table();
  for (int function : {1, 2}) {
    auto* location = tables->add_location_table();
    location->set_mapping_index(1);
    location->set_address(static_cast<uint64_t>(function) * 16);
    location->add_lines()->set_function_index(function);
  }
  tables->add_stack_table();
  auto* stack = tables->add_stack_table();
  stack->add_location_indices(1);
  stack->add_location_indices(2);
  tables->add_attribute_table();
  auto* reason = tables->add_attribute_table();
  reason->set_key_strindex(6);
  reason->mutable_value()->set_string_value("disk");
  auto* build_id = tables->add_attribute_table();
  build_id->set_key_strindex(7);
  build_id->mutable_value()->set_string_value_strindex(8);
  auto* of_resource = request.add_resource_profiles();
  auto* service = of_resource->mutable_resource()->add_attributes();
  service->set_key("service.name");
  service->mutable_value()->set_string_value("web");
  auto* profile = of_resource->add_scope_profiles()->add_profiles();
  profile->mutable_sample_type()->set_type_strindex(1);
  profile->mutable_sample_type()->set_unit_strindex(2);
  profile->set_time_unix_nano(kOtlpNow);
  profile->set_duration_nano(60'000'000'000);
  profile->set_profile_id("0123456789abcdef");
  auto* sample = profile->add_samples();
  sample->set_stack_index(1);
  sample->add_attribute_indices(1);
  sample->add_values(40);
  sample->add_values(2);
  return request;
}

opentelemetry::proto::profiles::v1development::Profile* ProfileIn(OtlpExport* request) {
  return request->mutable_resource_profiles(0)->mutable_scope_profiles(0)->mutable_profiles(0);
}

TEST(UnpackOtlp, MakesAPprofOfAProfile) {
  auto profiles = UnpackOtlp(OneExport(), Limits{}, kOtlpNow);
  ASSERT_TRUE(profiles.ok()) << profiles.status();
  ASSERT_EQ(profiles->size(), 1U);
  const store::NewProfile& one = profiles->front();
  EXPECT_EQ(one.kind, "otlp:off_cpu");
  EXPECT_EQ(one.labels, (profile::Labels{{"service_name", "web"}}));
  EXPECT_EQ(one.start_unix_ns, kOtlpNow);
  EXPECT_EQ(one.duration_ns, 60'000'000'000);
  ASSERT_TRUE(profile::Check(one.pprof).ok());
  auto text = [&one](int64_t index) { return one.pprof.string_table(static_cast<int>(index)); };
  const auto& sample = one.pprof.sample(0);
  EXPECT_EQ(sample.value(0), 42);
  EXPECT_EQ(text(sample.label(0).key()), "reason");
  EXPECT_EQ(text(sample.label(0).str()), "disk");
  ASSERT_EQ(sample.location_id_size(), 2);
  EXPECT_EQ(text(one.pprof.function(0).name()), "read");
  EXPECT_EQ(text(one.pprof.mapping(0).build_id()), "abcd");
}

TEST(UnpackOtlp, TurnsTicksIntoTimeAndTimesIntoEvents) {
  OtlpExport request = OneExport();
  auto* tables = request.mutable_dictionary();
  tables->set_string_table(1, "samples");
  tables->set_string_table(2, "count");
  tables->add_string_table("cpu");
  tables->add_string_table("nanoseconds");
  auto* profile = ProfileIn(&request);
  profile->mutable_period_type()->set_type_strindex(9);
  profile->mutable_period_type()->set_unit_strindex(10);
  profile->set_period(1'000);
  auto* sample = profile->mutable_samples(0);
  sample->clear_values();
  for (int i = 0; i < 3; ++i) sample->add_timestamps_unix_nano(kOtlpNow + i);
  auto profiles = UnpackOtlp(request, Limits{}, kOtlpNow);
  ASSERT_TRUE(profiles.ok()) << profiles.status();
  EXPECT_EQ(profiles->front().pprof.sample(0).value(0), 3);
  EXPECT_EQ(profiles->front().pprof.sample(0).value(1), 3'000);
}

TEST(UnpackOtlp, RefusesWhatRefersToNothing) {
  const std::pair<const char*, std::function<void(OtlpExport*)>> damages[] = {
      {"stack 9", [](OtlpExport* r) { ProfileIn(r)->mutable_samples(0)->set_stack_index(9); }},
      {"stack -1", [](OtlpExport* r) { ProfileIn(r)->mutable_samples(0)->set_stack_index(-1); }},
      {"attribute 3", [](OtlpExport* r) { ProfileIn(r)->mutable_samples(0)->set_attribute_indices(0, 3); }},
      {"string 99", [](OtlpExport* r) { ProfileIn(r)->mutable_sample_type()->set_type_strindex(99); }},
      {"location 7",
       [](OtlpExport* r) { r->mutable_dictionary()->mutable_stack_table(1)->set_location_indices(0, 7); }},
      {"mapping 5", [](OtlpExport* r) { r->mutable_dictionary()->mutable_location_table(1)->set_mapping_index(5); }},
      {"function 4",
       [](OtlpExport* r) {
         r->mutable_dictionary()->mutable_location_table(1)->mutable_lines(0)->set_function_index(4);
       }},
      {"no sample type", [](OtlpExport* r) { ProfileIn(r)->clear_sample_type(); }},
      {"in the future", [](OtlpExport* r) { ProfileIn(r)->set_time_unix_nano(kOtlpNow * 2); }},
      {"time or duration", [](OtlpExport* r) { ProfileIn(r)->set_duration_nano(UINT64_MAX); }},
  };
  for (const auto& [reason, damage] : damages) {
    OtlpExport request = OneExport();
    damage(&request);
    auto profiles = UnpackOtlp(request, Limits{}, kOtlpNow);
    EXPECT_EQ(profiles.status().code(), absl::StatusCode::kInvalidArgument) << reason;
    EXPECT_THAT(std::string(profiles.status().message()), HasSubstr(reason));
  }
}

TEST(UnpackOtlp, BoundsWhatManySamplesMakeOfOneStack) {
  OtlpExport request = OneExport();
  auto* stack = request.mutable_dictionary()->mutable_stack_table(1);
  for (int i = 0; i < 10'000; ++i) stack->add_location_indices(1);
  for (int i = 0; i < 1'000; ++i) *ProfileIn(&request)->add_samples() = ProfileIn(&request)->samples(0);
  Limits limits;
  limits.max_request_bytes = 1 << 20;
  EXPECT_THAT(std::string(UnpackOtlp(request, limits, kOtlpNow).status().message()), HasSubstr("limit of 1048576"));
}

TEST(UnpackOtlp, AnswersWhateverTheMessageBecomes) {
  std::mt19937 random(5);
  const std::string good = OneExport().SerializeAsString();
  for (int round = 0; round < 5'000; ++round) {
    std::string bytes = good;
    bytes[random() % bytes.size()] = static_cast<char>(random() % 128);  // valid UTF-8: the parser logs other strings
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    const absl::Status wire = CheckOtlpWire(&stream);
    OtlpExport request;
    if (!request.ParseFromString(bytes)) continue;
    EXPECT_TRUE(wire.ok()) << wire;
    auto profiles = UnpackOtlp(request, Limits{}, kOtlpNow);
    EXPECT_TRUE(profiles.ok() || absl::IsInvalidArgument(profiles.status())) << profiles.status();
  }
}

TEST(CheckOtlpWire, RefusesMoreEntriesThanItsLimit) {
  std::string inner(2 * (kMaxOtlpEntries + 1), '\0');  // empty strings of a dictionary
  for (size_t i = 0; i < inner.size(); i += 2) inner[i] = 0x2A;
  OtlpExport request;
  ASSERT_TRUE(request.mutable_dictionary()->ParseFromString(inner));
  const std::string bytes = request.SerializeAsString();
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  EXPECT_THAT(std::string(CheckOtlpWire(&stream).message()), HasSubstr("1048576"));
}

TEST(OtlpProfileIds, AreThoseOfTheProfilesWhateverComesBesideThem) {
  OtlpExport request = OneExport();
  const std::string one = OtlpProfileIds(request).at(0).instance;
  OtlpExport both = OneExport();
  auto* scope = both.mutable_resource_profiles(0)->mutable_scope_profiles(0);
  *scope->add_profiles() = scope->profiles(0);
  scope->mutable_profiles(0)->set_profile_id("fedcba9876543210");
  const auto ids = OtlpProfileIds(both);
  ASSERT_EQ(ids.size(), 2U);
  EXPECT_NE(ids[0].instance, one);
  EXPECT_EQ(ids[1].instance, one);
}

TEST(OtlpProfileIds, AreNoneWhereTheyTellNothing) {
  for (const std::string& id : {std::string(), std::string(16, '\0'), std::string(1000, 'x')}) {
    OtlpExport request = OneExport();
    ProfileIn(&request)->set_profile_id(id);
    EXPECT_TRUE(OtlpProfileIds(request).empty()) << id;
  }
  OtlpExport same = OneExport();
  auto* scope = same.mutable_resource_profiles(0)->mutable_scope_profiles(0);
  *scope->add_profiles() = scope->profiles(0);
  EXPECT_TRUE(OtlpProfileIds(same).empty());
}

}  // namespace
}  // namespace sonde::ingest
