#include "collector/web/pyroscope_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "collector/store/writer.h"
#include "profile/pprof_builder.h"
#include "proto/querier/v1/querier.pb.h"

namespace sonde::web {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kStartMs = 1'700'000'040'000;  // a whole minute
constexpr char kOffCpuId[] = "off_cpu:delay:nanoseconds:waits:count";

class PyroscopeApiTest : public ::testing::Test {
 protected:
  PyroscopeApiTest() : directory_(::testing::TempDir() + "/sonde_pyroscope_XXXXXX") {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    writer_ = *store::Writer::Open(directory_);
    querier_ = std::make_unique<query::Querier>(directory_);
    Store("web", 0, 10, "disk", "read");
    Store("web", 1, 5, "lock", "wait");
    Store("db", 1, 100, "disk", "read");
  }
  ~PyroscopeApiTest() override { std::filesystem::remove_all(directory_); }

  void Store(const std::string& service, int64_t minute, int64_t value, const std::string& reason,
             const std::string& function, profile::Labels labels = {}) {
    profile::PprofBuilder builder(profile::Kind::kOffCpu, (kStartMs + minute * kMinuteMs) * 1'000'000, 60'000'000'000,
                                  1);
    auto place = [&builder](std::string_view name, uint64_t address) {
      const profile::PprofBuilder::Line line{.name = name, .system_name = "", .filename = "", .line = 0};
      return builder.AddLocation(0, address, {&line, 1});
    };
    const uint64_t stack[] = {place(function, 2), place("main", 1)};
    const int64_t values[] = {1, value};
    labels["reason"] = reason;
    builder.AddSample(stack, values, labels);
    store::NewProfile profile{.kind = "offcpu", .labels = {{"service_name", service}}};
    profile.start_unix_ns = (kStartMs + minute * kMinuteMs) * 1'000'000;
    profile.duration_ns = 60'000'000'000;
    profile.pprof = std::move(builder).Build();
    ASSERT_TRUE(writer_->Append({&profile, 1}, std::nullopt).ok());
  }

  http::Response Post(const std::string& method, std::string body, const std::string& type = "application/json") {
    http::Request request;
    request.method = "POST";
    request.path = std::string(kPyroscopeApi) + method;
    request.content_type = type;
    request.body = std::move(body);
    return PyroscopeAnswer(*querier_, request);
  }

  // The fields of `request`, and the time of everything that is stored.
  json Ask(const std::string& method, json request, int status = 200) {
    request["start"] = kStartMs;
    request["end"] = kStartMs + 2 * kMinuteMs;
    auto response = Post(method, request.dump());
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body, nullptr, false);
  }

  std::string directory_;
  std::unique_ptr<store::Writer> writer_;
  std::unique_ptr<query::Querier> querier_;
};

TEST_F(PyroscopeApiTest, ListsTypesByTheNamesThatAgentsGivePyroscope) {
  json types = Ask("ProfileTypes", {})["profileTypes"];
  ASSERT_EQ(types.size(), 2U);
  EXPECT_EQ(types[1]["ID"], kOffCpuId);
  EXPECT_EQ(types[1]["name"], "off_cpu");
  EXPECT_EQ(types[1]["sampleType"], "delay");
}

TEST_F(PyroscopeApiTest, ListsLabelsAndTheirValues) {
  EXPECT_EQ(Ask("LabelNames", {{"matchers", {"{}"}}})["names"], json({"reason", "service_name"}));
  EXPECT_EQ(Ask("LabelValues", {{"name", "service_name"}})["names"], json({"db", "web"}));
  EXPECT_EQ(Ask("LabelValues", {{"name", "reason"}, {"matchers", {R"({service_name="db"})"}}})["names"],
            json({"disk"}));
  const std::string of_type = std::string(R"({__profile_type__=")") + kOffCpuId + R"(", service_name="db"})";
  EXPECT_EQ(Ask("LabelValues", {{"name", "reason"}, {"matchers", {of_type}}})["names"], json({"disk"}));
  const std::string other = R"({service_name="db", __profile_type__="wall:wall:nanoseconds:wall:nanoseconds"})";
  EXPECT_EQ(Ask("LabelValues", {{"name", "reason"}, {"matchers", {other}}}), json::object());
  EXPECT_EQ(Ask("Series", {{"labelNames", {"service_name"}}})["labelsSet"].size(), 2U);
}

TEST_F(PyroscopeApiTest, LaysOutAFlameGraphInLevels) {
  json graph = Ask("SelectMergeStacktraces", {{"profileTypeID", kOffCpuId}, {"labelSelector", "{}"}})["flamegraph"];
  EXPECT_EQ(graph["total"], "115");  // protobuf's JSON writes 64-bit numbers as text
  EXPECT_EQ(graph["maxSelf"], "110");
  EXPECT_EQ(graph["names"], json({"total", "main", "read", "wait"}));
  ASSERT_EQ(graph["levels"].size(), 3U);
  EXPECT_EQ(graph["levels"][0]["values"], json({"0", "115", "0", "0"}));
  EXPECT_EQ(graph["levels"][1]["values"], json({"0", "115", "0", "1"}));
  EXPECT_EQ(graph["levels"][2]["values"], json({"0", "110", "110", "2", "0", "5", "5", "3"}));
  json web =
      Ask("SelectMergeStacktraces", {{"profileTypeID", kOffCpuId}, {"labelSelector", R"({service_name="web"})"}});
  EXPECT_EQ(web["flamegraph"]["total"], "15");
  EXPECT_EQ(Ask("SelectMergeStacktraces", {{"profileTypeID", kOffCpuId}, {"labelSelector", R"({service_name="no"})"}}),
            json::object());
}

TEST_F(PyroscopeApiTest, GivesSeriesByTime) {
  json series = Ask(
      "SelectSeries",
      {{"profileTypeID", kOffCpuId}, {"labelSelector", "{}"}, {"groupBy", {"service_name"}}, {"step", 60.0}})["series"];
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0]["labels"][0]["value"], "db");
  EXPECT_EQ(series[1]["points"][0]["value"], 10.0);
  EXPECT_EQ(series[1]["points"][0]["timestamp"], std::to_string(kStartMs));
  EXPECT_EQ(series[1]["points"][1]["value"], 5.0);
}

TEST_F(PyroscopeApiTest, GroupsSeriesByLabelsTogetherAndLeavesOutThoseThatARowLacks) {
  json series =
      Ask("SelectSeries",
          {{"profileTypeID", kOffCpuId}, {"groupBy", {"service_name", "reason", "node"}}, {"step", 60.0}})["series"];
  ASSERT_EQ(series.size(), 3U);
  EXPECT_EQ(series[1]["labels"],
            json({{{"name", "service_name"}, {"value", "web"}}, {{"name", "reason"}, {"value", "disk"}}}));
  EXPECT_EQ(series[2]["labels"][1]["value"], "lock");
  EXPECT_EQ(Ask("SelectSeries", {{"profileTypeID", kOffCpuId}, {"groupBy", {""}}}, 400)["code"], "invalid_argument");
}

TEST_F(PyroscopeApiTest, ListsTheProfileTypesOfEachSeries) {
  const json both = {"off_cpu:delay:nanoseconds:waits:count", "off_cpu:waits:count:waits:count"};
  EXPECT_EQ(Ask("LabelValues", {{"name", "__profile_type__"}})["names"], both);
  EXPECT_EQ(Ask("LabelValues", {{"name", "__profile_type__"}, {"matchers", {R"({reason="no"})"}}}), json::object());
  json series = Ask("Series", {{"labelNames", {"service_name", "__profile_type__"}}})["labelsSet"];
  ASSERT_EQ(series.size(), 4U);
  EXPECT_EQ(series[0]["labels"],
            json({{{"name", "__profile_type__"}, {"value", both[0]}}, {{"name", "service_name"}, {"value", "db"}}}));
}

TEST_F(PyroscopeApiTest, SelectsSamplesOfSpans) {
  Store("web", 0, 7, "disk", "traced", {{"span_id", "9a517183f26a089d"}});
  const json of_span = {{"profileTypeID", kOffCpuId}, {"spanSelector", {"5a4fe264a9c987fe", "9A517183F26A089D"}}};
  for (const char* method : {"SelectMergeSpanProfile", "SelectMergeStacktraces"}) {
    EXPECT_EQ(Ask(method, of_span)["flamegraph"]["names"], json({"total", "main", "traced"}));
    EXPECT_EQ(Ask(method, {{"profileTypeID", kOffCpuId}, {"spanSelector", {"x\"} or"}}}, 400)["code"],
              "invalid_argument");
  }
  EXPECT_EQ(Ask("SelectMergeSpanProfile", {{"profileTypeID", kOffCpuId}}, 400)["code"], "invalid_argument");
}

TEST_F(PyroscopeApiTest, GivesAPprofOfStacksAndRefusesToLeaveAPartOfAQuestionOut) {
  json merged = Ask("SelectMergeStacktraces", {{"profileTypeID", kOffCpuId}, {"format", "PROFILE_FORMAT_PPROF"}});
  EXPECT_EQ(merged["pprof"]["profile"]["sample"].size(), 3U);
  for (const json& part : {json{{"format", "PROFILE_FORMAT_DOT"}}, json{{"profileIdSelector", {"7c9e6679"}}},
                           json{{"stackTraceSelector", {{"callSite", {{{"name", "main"}}}}}}}}) {
    json request = {{"profileTypeID", kOffCpuId}};
    request.update(part);
    EXPECT_EQ(Ask("SelectMergeStacktraces", request, 501)["code"], "unimplemented") << part;
  }
  EXPECT_EQ(Ask("LabelNames", {{"matchers", {"{}", "{a=\"b\"}"}}}, 501)["code"], "unimplemented");
  EXPECT_EQ(Ask("SelectSeries", {{"profileTypeID", kOffCpuId}, {"aggregation", 1}}, 501)["code"], "unimplemented");
}

TEST_F(PyroscopeApiTest, SpeaksProtobufToWhoDoes) {
  ::querier::v1::SelectMergeProfileRequest request;
  request.set_profile_typeid(kOffCpuId);
  request.set_label_selector(R"({reason="lock"})");
  request.set_start(kStartMs);
  request.set_end(kStartMs + 2 * kMinuteMs);
  auto response = Post("SelectMergeProfile", request.SerializeAsString(), "application/proto");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/proto");
  profile::Pprof pprof;
  ASSERT_TRUE(pprof.ParseFromString(response.body));
  ASSERT_EQ(pprof.sample_size(), 1);
  EXPECT_EQ(pprof.sample(0).value(1), 5);
}

TEST_F(PyroscopeApiTest, SaysWhatIsWrongAsConnectDoes) {
  EXPECT_EQ(Ask("SelectMergeStacktraces", {{"profileTypeID", "cpu"}}, 400)["code"], "invalid_argument");
  EXPECT_EQ(Ask("SelectMergeStacktraces", {{"profileTypeID", "off_cpu:none:x:y:z"}}, 400)["code"], "invalid_argument");
  EXPECT_EQ(Ask("LabelNames", {{"matchers", {"{"}}}, 400)["code"], "invalid_argument");
  EXPECT_EQ(Ask("Nothing", {}, 501)["code"], "unimplemented");
  EXPECT_EQ(Post("ProfileTypes", "{").status, 400);
  EXPECT_EQ(Post("ProfileTypes", "\xff", "application/proto").status, 400);
  EXPECT_EQ(Post("ProfileTypes", "{}", "text/plain").status, 415);
}

}  // namespace
}  // namespace sonde::web
