#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "agent/export/pyroscope_protocol.h"
#include "agent/export/pyroscope_rules_for_test.h"
#include "agent/export/target_sender.h"
#include "gmock/gmock.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "profile/pprof_file.h"
#include "proto/push/v1/push.grpc.pb.h"

namespace sonde::exporting {
namespace {

using profile::Kind;
using profile::Labels;
using profile::Pprof;
using push::v1::PushRequest;

// A Pyroscope with tenants that takes what the rules allow, and sums it.
class StrictPyroscope : public push::v1::PusherService::Service {
 public:
  StrictPyroscope() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ExportTarget Target(const std::string& tenant = "team-a") const {
    ExportTarget target{.endpoint = absl::StrCat("127.0.0.1:", port_), .tenant = tenant};
    target.backoff_initial = target.backoff_cap = absl::Milliseconds(100);
    return target;
  }
  PyroscopeRules::Sums Sums() {
    absl::MutexLock lock(&mutex_);
    return sums_;
  }

 private:
  grpc::Status Push(grpc::ServerContext* context, const PushRequest* request, push::v1::PushResponse*) override {
    const auto tenant = context->client_metadata().find("x-scope-orgid");
    if (tenant == context->client_metadata().end()) return {grpc::StatusCode::UNAUTHENTICATED, "no org id"};
    if (!PyroscopeRules::IsTenant({tenant->second.data(), tenant->second.size()})) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "tenant"};
    }
    absl::MutexLock lock(&mutex_);
    return PyroscopeRules::Check(*request, absl::Now(), &sums_);
  }

  int port_ = 0;
  absl::Mutex mutex_;
  PyroscopeRules::Sums sums_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
};

// Of `samples` stacks, with the values 1, 2, ... in each of its sample types.
profile::EncodedProfile ProfileOfNow(Kind kind, int samples, const Labels& sample_labels = {},
                                     const std::string& name = "f") {
  profile::PprofBuilder builder(kind, absl::ToUnixNanos(absl::Now()) - 60'000'000'000, 60'000'000'000, 1);
  const uint64_t mapping = builder.AddMapping("/bin/app", "abcdef01", 0, 0x100000, 0, true);
  for (int i = 1; i <= samples; ++i) {
    const std::string own = absl::StrCat(name, i);
    const profile::PprofBuilder::Line line{.name = own, .system_name = "", .filename = ""};
    const uint64_t stack[] = {builder.AddLocation(mapping, static_cast<uint64_t>(i), {&line, 1})};
    const std::vector<int64_t> values(profile::SampleTypes(kind).size(), i);
    builder.AddSample(stack, values, sample_labels);
  }
  profile::EncodedProfile profile;
  profile.kind = kind;
  profile.labels = {{"service_name", "web"}, {"node", "n1"}};
  profile.instance = "8d7f2b1c-1111-4222-8333-944455556666";
  profile.sequence = 1;
  profile.pprof_gz = profile::Encode(std::move(builder).Build());
  return profile;
}

int64_t SumUpTo(int64_t n) { return n * (n + 1) / 2; }

TEST(PyroscopeRules, TakeEveryKindAsTheAgentMakesIt) {
  for (Kind kind : profile::AllKinds()) {
    const Labels labels = {{"process", "a \"b\"\\ {é}"}, {"reason", "lock"}};
    const auto request = MakePushRequest(ProfileOfNow(kind, 100, labels, "ünï→<script>\n"));
    PyroscopeRules::Sums sums;
    const grpc::Status status = PyroscopeRules::Check(request, absl::Now(), &sums);
    ASSERT_TRUE(status.ok()) << profile::KindName(kind) << ": " << status.error_message();
    ASSERT_EQ(sums.size(), profile::SampleTypes(kind).size());
    for (const profile::SampleType& type : profile::SampleTypes(kind)) {
      const Labels series = {{"__name__", std::string(profile::PyroscopeName(kind))},
                             {"node", "n1"},
                             {"process", "a \"b\"\\ {é}"},
                             {"reason", "lock"},
                             {"service_name", "web"}};
      EXPECT_EQ((sums[{series, std::string(type.type)}]), SumUpTo(100)) << type.type;
    }
  }
}

struct BreaksARule {
  const char* how;
  std::function<void(Pprof*)> in_profile;
  std::function<void(PushRequest*)> in_request = nullptr;
  grpc::StatusCode code = grpc::StatusCode::INVALID_ARGUMENT;
};

void AddLabelTo(Pprof* pprof, const std::string& name, const std::string& value) {
  auto* label = pprof->mutable_sample(0)->add_label();
  label->set_key(pprof->string_table_size());
  pprof->add_string_table(name);
  label->set_str(pprof->string_table_size());
  pprof->add_string_table(value);
}

void AddSeriesLabel(PushRequest* request, const std::string& name, const std::string& value) {
  auto* label = request->mutable_series(0)->add_labels();
  label->set_name(name);
  label->set_value(value);
}

std::vector<BreaksARule> BrokenRules() {
  const auto raw = [](const std::string& bytes) {
    return [bytes](PushRequest* r) { r->mutable_series(0)->mutable_samples(0)->set_raw_profile(bytes); };
  };
  return {
      {"empty", nullptr, [](PushRequest* r) { r->clear_series(); }},
      {"no labels", nullptr, [](PushRequest* r) { r->mutable_series(0)->clear_labels(); }},
      {"no name", nullptr, [](PushRequest* r) { r->mutable_series(0)->mutable_labels(0)->set_name("name"); }},
      {"a label twice", nullptr, [](PushRequest* r) { AddSeriesLabel(r, "node", "n2"); }},
      {"a label without name", nullptr, [](PushRequest* r) { AddSeriesLabel(r, "", "x"); }},
      {"a label name that is too long", nullptr,
       [](PushRequest* r) { AddSeriesLabel(r, std::string(1'025, 'n'), "x"); }},
      {"a label value that is too long", nullptr,
       [](PushRequest* r) { AddSeriesLabel(r, "n", std::string(2'049, 'x')); }},
      {"31 labels", nullptr,
       [](PushRequest* r) {
         for (int i = 0; i < 28; ++i) AddSeriesLabel(r, absl::StrCat("n", i), "x");
       }},
      {"no UUID", nullptr, [](PushRequest* r) { r->mutable_series(0)->mutable_samples(0)->set_id("7"); }},
      {"no profile", nullptr, [](PushRequest* r) { r->mutable_series(0)->clear_samples(); }},
      {"no pprof", nullptr, raw("not one"), grpc::StatusCode::UNKNOWN},
      {"a broken gzip", nullptr, raw("\x1f\x8b\x08 not one"), grpc::StatusCode::UNKNOWN},
      {"too old", [](Pprof* p) { p->set_time_nanos(absl::ToUnixNanos(absl::Now() - absl::Hours(2))); }},
      {"too new", [](Pprof* p) { p->set_time_nanos(absl::ToUnixNanos(absl::Now() + absl::Minutes(20))); }},
      {"no time", [](Pprof* p) { p->clear_time_nanos(); }},
      {"no period type", [](Pprof* p) { p->clear_period_type(); }},
      {"no sample type", [](Pprof* p) { p->clear_sample_type(); }},
      {"a type of two words",
       [](Pprof* p) { p->set_string_table(static_cast<int>(p->sample_type(0).type()), "off-cpu"); }},
      {"string 0", [](Pprof* p) { p->set_string_table(0, "x"); }},
      {"a string that is too long", [](Pprof* p) { p->add_string_table(std::string(65'536, 'x')); }},
      {"a string out of range", [](Pprof* p) { p->mutable_function(0)->set_name(p->string_table_size()); }},
      {"a location id of 0", [](Pprof* p) { p->mutable_sample(0)->set_location_id(0, 0); }},
      {"a location out of range", [](Pprof* p) { p->mutable_sample(0)->set_location_id(0, 1'000); }},
      {"a function out of range", [](Pprof* p) { p->mutable_location(0)->mutable_line(0)->set_function_id(1'000); }},
      {"a mapping out of range", [](Pprof* p) { p->mutable_location(0)->set_mapping_id(2); }},
      {"ids with a gap", [](Pprof* p) { p->mutable_location(1)->set_id(77); }},
      {"a location without a name", [](Pprof* p) { p->mutable_location(0)->clear_line(); }},
      {"too few values", [](Pprof* p) { p->mutable_sample(0)->clear_value(); }},
      {"a value below 0", [](Pprof* p) { p->mutable_sample(0)->set_value(0, -1); }},
      {"a sample of 0", [](Pprof* p) { p->mutable_sample(0)->set_value(0, 0); }},
      {"101 labels of a sample",
       [](Pprof* p) {
         for (int i = 0; i < 101; ++i) AddLabelTo(p, absl::StrCat("n", i), "x");
       }},
      {"28 labels of a sample beside 3 of the series",
       [](Pprof* p) {
         for (int i = 0; i < 28; ++i) AddLabelTo(p, absl::StrCat("n", i), "x");
       }},
      {"a stack that is too deep",
       [](Pprof* p) {
         for (int i = 0; i < 1'000; ++i) p->mutable_sample(0)->add_location_id(1);
       }},
      {"too many samples",
       [](Pprof* p) {
         for (int i = 0; i < 16'000; ++i) *p->add_sample() = p->sample(0);
       }},
      {"too many bytes",
       [](Pprof* p) {
         for (int i = 0; i < 70; ++i) p->add_string_table(std::string(60'000, 'x'));
       }},
      {"more than the burst",
       [](Pprof* p) {
         for (int i = 0; i < 40; ++i) p->add_string_table(std::string(60'000, 'x'));
       },
       nullptr, grpc::StatusCode::RESOURCE_EXHAUSTED},
  };
}

TEST(PyroscopeRules, RefuseEachThingThatBreaksOne) {
  const profile::EncodedProfile sound = ProfileOfNow(Kind::kWall, 3);
  PyroscopeRules::Sums sums;
  ASSERT_TRUE(PyroscopeRules::Check(MakePushRequest(sound), absl::Now(), &sums).ok());
  sums.clear();
  for (const BreaksARule& broken : BrokenRules()) {
    PushRequest request = MakePushRequest(sound);
    if (broken.in_profile) {
      Pprof pprof = *profile::Decode(sound.pprof_gz, 1 << 20);
      broken.in_profile(&pprof);
      request.mutable_series(0)->mutable_samples(0)->set_raw_profile(pprof.SerializeAsString());
    }
    if (broken.in_request) broken.in_request(&request);
    EXPECT_EQ(PyroscopeRules::Check(request, absl::Now(), &sums).error_code(), broken.code) << broken.how;
  }
  EXPECT_TRUE(sums.empty());
}

TEST(PyroscopeRules, KnowWhatATenantMayBeCalled) {
  for (const char* tenant : {"team-a", "a", "1.2_3!*'()"}) EXPECT_TRUE(PyroscopeRules::IsTenant(tenant)) << tenant;
  for (const std::string& tenant : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                    std::string("a b"), std::string(151, 'a')}) {
    EXPECT_FALSE(PyroscopeRules::IsTenant(tenant)) << tenant;
  }
}

class StrictPyroscopeTest : public testing::Test {
 protected:
  // Pushes all and stops.
  TargetStats Send(const std::vector<profile::EncodedProfile>& profiles, const std::string& tenant = "team-a",
                   absl::Duration patience = absl::Seconds(60)) {
    TargetSender sender(
        pyroscope_.Target(tenant),
        [](const std::shared_ptr<grpc::Channel>& channel) { return std::make_unique<PyroscopeProtocol>(channel); },
        &losses_);
    for (const profile::EncodedProfile& profile : profiles) sender.Enqueue(profile);
    sender.Start();
    sender.Stop(patience);
    return sender.Stats();
  }
  int64_t Total() {
    int64_t total = 0;
    for (const auto& [key, sum] : pyroscope_.Sums()) total += sum;
    return total;
  }

  StrictPyroscope pyroscope_;
  telemetry::LossLedger losses_;
};

// `profile` with more labels than are allowed at samples `bad`, counted from 0.
profile::EncodedProfile WithBadSamples(profile::EncodedProfile profile, const std::vector<int>& bad) {
  Pprof pprof = *profile::Decode(profile.pprof_gz, size_t{64} << 20);
  for (int at : bad) {
    for (int i = 0; i < 101; ++i) {
      auto* label = pprof.mutable_sample(at)->add_label();
      label->set_key(pprof.string_table_size());
      label->set_str(pprof.string_table_size());
      pprof.add_string_table(absl::StrCat("n", at, "_", i));
    }
  }
  profile.pprof_gz = profile::Encode(pprof);
  return profile;
}

TEST_F(StrictPyroscopeTest, HasAllOfAProfileThatIsTooLargeForIt) {
  EXPECT_EQ(Send({ProfileOfNow(Kind::kWall, 40'000)}).sent, 1u);
  EXPECT_EQ(Total(), SumUpTo(40'000));
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(StrictPyroscopeTest, HasAllButTheSamplesThatItRefuses) {
  const std::vector<int> bad = {17, 3'333};
  const TargetStats stats = Send({WithBadSamples(ProfileOfNow(Kind::kWall, 5'000), bad)});
  EXPECT_EQ(stats.sent, 1u);
  EXPECT_EQ(stats.dropped, 0u);
  EXPECT_EQ(Total(), SumUpTo(5'000) - 18 - 3'334);
  ASSERT_EQ(losses_.Snapshot().size(), 1u);
  const telemetry::Loss loss = losses_.Snapshot()[0];
  EXPECT_EQ(loss.cause, "refused_invalid_argument");
  EXPECT_THAT(loss.what, testing::StartsWith("samples for"));
  EXPECT_EQ(loss.count, 2u);
  EXPECT_THAT(loss.consequence, testing::HasSubstr("too many labels of a sample"));
}

TEST_F(StrictPyroscopeTest, HasTheProfilesAroundOneThatItRefusesWhole) {
  profile::EncodedProfile old = ProfileOfNow(Kind::kWall, 300);
  Pprof pprof = *profile::Decode(old.pprof_gz, 1 << 20);
  pprof.set_time_nanos(absl::ToUnixNanos(absl::Now() - absl::Hours(2)));
  old.pprof_gz = profile::Encode(pprof);
  const TargetStats stats = Send({ProfileOfNow(Kind::kWall, 10), old, ProfileOfNow(Kind::kWall, 20)});
  EXPECT_EQ(stats.sent, 2u);
  EXPECT_EQ(stats.dropped, 1u);
  EXPECT_EQ(Total(), SumUpTo(10) + SumUpTo(20));
  ASSERT_EQ(losses_.Snapshot().size(), 1u);
  EXPECT_EQ(losses_.Snapshot()[0].count, 1u);
  EXPECT_THAT(losses_.Snapshot()[0].consequence, testing::HasSubstr("not_in_ingestion_window"));
}

TEST_F(StrictPyroscopeTest, HasNothingOfWhoIsNoTenant) {
  const TargetStats stats = Send({ProfileOfNow(Kind::kWall, 10)}, "", absl::Milliseconds(500));
  EXPECT_EQ(stats.sent, 0u);
  EXPECT_EQ(Total(), 0);
  ASSERT_EQ(losses_.Snapshot().size(), 1u);
  EXPECT_EQ(losses_.Snapshot()[0].cause, "unsent_at_stop");  // kept for as long as somebody may repair it
}

}  // namespace
}  // namespace sonde::exporting
