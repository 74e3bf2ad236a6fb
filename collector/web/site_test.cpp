#include "collector/web/site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/clock.h"
#include "collector/store/writer.h"
#include "http/http_server.h"
#include "http/testing/http_client.h"
#include "profile/pprof_file.h"

namespace sonde::web {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr int64_t kMinute = 60'000'000'000;
constexpr char kHostileName[] = "<script>alert(1)</script>\"\\\n\xE2\x80\xAE";

class SiteTest : public ::testing::Test {
 protected:
  SiteTest() : directory_(::testing::TempDir() + "/sonde_site_XXXXXX"), now_ns_(base::WallNs()) {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    writer_ = *store::Writer::Open(directory_);
    server_ = *http::HttpServer::Start(
        "127.0.0.1:0", [site = Site(query::Querier(directory_), &statistics_, [] { return std::string("x 1\n"); })](
                           const http::Request& request) { return site.Answer(request); });
  }
  ~SiteTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  // A minute's profile that began `minutes_ago`: main calls `function`.
  void Store(profile::Kind kind, const std::string& service, int64_t minutes_ago, int64_t value,
             const std::string& reason, const std::string& function = "work") {
    int64_t start = now_ns_ - minutes_ago * kMinute;
    profile::PprofBuilder builder(kind, start, kMinute, 1);
    uint64_t mapping = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
    auto place = [&builder, mapping](std::string_view name, uint64_t address) {
      profile::PprofBuilder::Line line{.name = name, .system_name = "", .filename = "", .line = 0};
      return builder.AddLocation(mapping, address, {&line, 1});
    };
    uint64_t stack[] = {place(function, 0x20), place("main", 0x10)};
    std::vector<int64_t> values(profile::SampleTypes(kind).size(), value);
    builder.AddSample(stack, values, {{"reason", reason}});
    builder.AddComment("lost 3 samples");
    store::NewProfile stored = {.kind = std::string(profile::KindName(kind)),
                                .labels = {{"service_name", service}},
                                .start_unix_ns = start,
                                .duration_ns = kMinute,
                                .pprof = std::move(builder).Build()};
    auto outcome = writer_->Append({&stored, 1}, std::nullopt);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
  }

  http::testing::Answer Ask(const std::string& target) { return http::testing::Get(server_->Port(), target); }

  json AskJson(const std::string& target, int status = 200) {
    auto answer = Ask(target);
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.headers["Content-Type"], "application/json");
    json parsed = json::parse(answer.body, nullptr, false);
    EXPECT_FALSE(parsed.is_discarded()) << answer.body;
    return parsed;
  }

  std::string directory_;
  int64_t now_ns_;
  QueryStatistics statistics_;
  std::unique_ptr<store::Writer> writer_;
  std::unique_ptr<http::HttpServer> server_;
};

TEST_F(SiteTest, ListsSeries) {
  Store(profile::Kind::kWall, "web", 3, 1, "disk");
  Store(profile::Kind::kWall, "web", 2, 1, "disk");
  Store(profile::Kind::kCpu, "web", 2, 1, "on-cpu");
  Store(profile::Kind::kCpu, "old", 60, 1, "on-cpu");
  json all = AskJson("/api/v1/series");
  ASSERT_EQ(all["series"].size(), 2U);
  json wall = AskJson("/api/v1/series?kind=wall&query=%7Bservice_name%3D%22web%22%7D")["series"];
  ASSERT_EQ(wall.size(), 1U);
  EXPECT_EQ(wall[0]["labels"]["service_name"], "web");
  EXPECT_EQ(wall[0]["profiles"], 2);
  EXPECT_EQ(wall[0]["last_ms"].get<int64_t>() - wall[0]["first_ms"].get<int64_t>(), 120'000);
  EXPECT_EQ(AskJson("/api/v1/series?kind=none")["series"], json::array());
}

TEST_F(SiteTest, LaysOutAFlameGraphAsColumns) {
  Store(profile::Kind::kWall, "web", 3, 10, "disk");
  Store(profile::Kind::kWall, "web", 2, 5, "on-cpu");
  json flame = AskJson("/api/v1/flamegraph?kind=wall&query=%7Bservice_name%3D%22web%22%7D&root=reason");
  EXPECT_EQ(flame["kind"], "wall");
  EXPECT_EQ(flame["unit"], "nanoseconds");
  EXPECT_EQ(flame["sample_type"], "wall");
  EXPECT_EQ(flame["total"], 15);
  EXPECT_EQ(flame["profiles"], 2);
  EXPECT_EQ(flame["dropped"], 0);
  EXPECT_EQ(flame["comments"], json::array({"lost 3 samples"}));
  EXPECT_EQ(flame["depth"], json({0, 1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(flame["total_values"], json({15, 10, 10, 10, 5, 5, 5}));
  EXPECT_EQ(flame["self_values"], json({0, 0, 0, 10, 0, 0, 5}));
  EXPECT_EQ(flame["names"][flame["name"][1].get<size_t>()], "disk");
  EXPECT_EQ(flame["files"][flame["file"][3].get<size_t>()], "/bin/app");
  EXPECT_EQ(flame["to_ms"].get<int64_t>() - flame["from_ms"].get<int64_t>(), 120'000);
}

TEST_F(SiteTest, PutsALabelOfTheSeriesUnderTheRootToo) {
  Store(profile::Kind::kWall, "web", 3, 10, "disk");
  Store(profile::Kind::kWall, "db", 3, 20, "disk");
  json flame = AskJson("/api/v1/flamegraph?kind=wall&root=service_name");
  EXPECT_EQ(flame["names"][flame["name"][1].get<size_t>()], "db");
}

TEST_F(SiteTest, KeepsTheGraphWithinTheNodesAskedFor) {
  Store(profile::Kind::kWall, "web", 3, 10, "disk", "a");
  Store(profile::Kind::kWall, "web", 3, 4, "disk", "b");
  json flame = AskJson("/api/v1/flamegraph?kind=wall&max_nodes=3");
  EXPECT_EQ(flame["dropped"], 4);
  EXPECT_EQ(flame["total_values"], json({14, 14, 10, 4}));
}

TEST_F(SiteTest, SumsTheOverviewByService) {
  Store(profile::Kind::kWall, "web", 3, 10, "disk");
  Store(profile::Kind::kWall, "web", 2, 5, "on-cpu");
  Store(profile::Kind::kWall, "db", 2, 100, "run-queue");
  Store(profile::Kind::kWall, "db", 2, 1, "idle-poll");
  json overview = AskJson("/api/v1/overview");
  ASSERT_EQ(overview["services"].size(), 2U);
  EXPECT_EQ(overview["services"][0],
            json({{"service", "db"}, {"groups", {{"idle", 1}, {"run-queue", 100}}}, {"wall_ns", 101}}));
  EXPECT_EQ(overview["services"][1]["groups"]["on-cpu"], 5);
  EXPECT_EQ(overview["profiles"], 4);
  EXPECT_EQ(overview["to_ms"].get<int64_t>() - overview["from_ms"].get<int64_t>(), 120'000);
}

TEST_F(SiteTest, RanksFunctions) {
  Store(profile::Kind::kCpu, "web", 3, 10, "on-cpu");
  json top = AskJson("/api/v1/top?kind=cpu&limit=1");
  EXPECT_EQ(top["total"], 10);
  ASSERT_EQ(top["functions"].size(), 1U);
  EXPECT_EQ(top["functions"][0]["function"], "work");
  EXPECT_EQ(top["functions"][0]["self"], 10);
}

TEST_F(SiteTest, ListsKindsWithTheirTypes) {
  Store(profile::Kind::kCpu, "web", 3, 10, "on-cpu");
  Store(profile::Kind::kOffCpu, "web", 3, 10, "disk");
  Store(profile::Kind::kOffCpu, "db", 2, 10, "disk");
  json kinds = AskJson("/api/v1/kinds")["kinds"];
  ASSERT_EQ(kinds.size(), 2U);
  EXPECT_EQ(kinds[1]["kind"], "offcpu");
  EXPECT_EQ(kinds[1]["series"], 2);
  EXPECT_EQ(kinds[1]["profiles"], 2);
  EXPECT_EQ(kinds[1]["sample_types"],
            json::array({{{"type", "waits"}, {"unit", "count"}}, {{"type", "delay"}, {"unit", "nanoseconds"}}}));
}

TEST_F(SiteTest, ListsLabelsOfSamplesAndSeriesAndTheirValues) {
  Store(profile::Kind::kOffCpu, "web", 3, 10, "disk");
  Store(profile::Kind::kOffCpu, "db", 3, 10, "lock");
  EXPECT_EQ(AskJson("/api/v1/labels")["labels"], json({"reason", "service_name"}));
  EXPECT_EQ(AskJson("/api/v1/values?label=reason")["values"], json({"disk", "lock"}));
  EXPECT_EQ(AskJson("/api/v1/values?label=reason&query=%7Bservice_name%3D%22db%22%7D")["values"], json({"lock"}));
  EXPECT_EQ(AskJson("/api/v1/values?label=service_name&query=%7Breason%3D%22disk%22%7D")["values"], json({"web"}));
  EXPECT_EQ(AskJson("/api/v1/values?label=none")["values"], json::array());
  AskJson("/api/v1/values", 400);
}

TEST_F(SiteTest, SelectsSamplesByTheirOwnLabelsToo) {
  Store(profile::Kind::kOffCpu, "web", 3, 10, "disk");
  Store(profile::Kind::kOffCpu, "web", 2, 7, "lock");
  EXPECT_EQ(AskJson("/api/v1/top?kind=offcpu&query=%7Breason%3D%22lock%22%7D")["total"], 7);
  EXPECT_THAT(AskJson("/api/v1/top?kind=offcpu&query=%7Breason%3D%22pipe%22%7D", 404)["error"], HasSubstr("matches"));
}

TEST_F(SiteTest, TakesAnotherValueAndSomeStacksOnly) {
  Store(profile::Kind::kOffCpu, "web", 3, 10, "disk", "alpha");
  Store(profile::Kind::kOffCpu, "web", 3, 4, "disk", "beta");
  EXPECT_EQ(AskJson("/api/v1/flamegraph?kind=offcpu&sample_type=waits")["unit"], "count");
  EXPECT_EQ(AskJson("/api/v1/flamegraph?kind=offcpu&focus=alp")["total"], 10);
  EXPECT_EQ(AskJson("/api/v1/flamegraph?kind=offcpu&ignore=alp")["total"], 4);
  EXPECT_EQ(AskJson("/api/v1/flamegraph?kind=offcpu&focus=%5E%2Fbin%2Fapp%24")["total"], 14);  // a file
  EXPECT_EQ(AskJson("/api/v1/top?kind=offcpu&focus=main&ignore=%5Ebeta%24")["total"], 10);
  auto pprof = profile::Decode(Ask("/pprof/offcpu?focus=beta").body, 1 << 20);
  ASSERT_TRUE(pprof.ok()) << pprof.status();
  EXPECT_EQ(pprof->sample_size(), 1);
  EXPECT_THAT(AskJson("/api/v1/top?kind=offcpu&focus=%28", 400)["error"], HasSubstr("'focus'"));
  EXPECT_THAT(AskJson("/api/v1/top?kind=offcpu&sample_type=bytes", 400)["error"], HasSubstr("delay, waits"));
}

TEST_F(SiteTest, ShowsWhoCallsAFunctionAndWhomItCalls) {
  Store(profile::Kind::kCpu, "web", 3, 10, "on-cpu", "work");
  Store(profile::Kind::kCpu, "web", 3, 5, "on-cpu", "rest");
  json sandwich = AskJson("/api/v1/sandwich?kind=cpu&function=main");
  EXPECT_EQ(sandwich["self"], 0);
  EXPECT_EQ(sandwich["function_total"], 15);
  EXPECT_EQ(sandwich["callees"]["total_values"], json({15, 15, 10, 5}));
  EXPECT_EQ(sandwich["callers"]["total_values"], json({15, 15}));
  EXPECT_EQ(AskJson("/api/v1/sandwich?kind=cpu&function=work")["callers"]["depth"], json({0, 1, 2}));
  AskJson("/api/v1/sandwich?kind=cpu", 400);
  AskJson("/api/v1/sandwich?kind=cpu&function=nothing", 404);
  AskJson("/api/v1/sandwich?kind=cpu&function=work&file=%2Fother", 404);
}

TEST_F(SiteTest, ComparesTwoTimes) {
  Store(profile::Kind::kCpu, "web", 10, 100, "on-cpu", "work");
  Store(profile::Kind::kCpu, "web", 2, 300, "on-cpu", "work");
  Store(profile::Kind::kCpu, "web", 2, 50, "on-cpu", "added");
  const std::string now = std::to_string(now_ns_ / 1'000'000 - 150'000),
                    before = std::to_string(now_ns_ / 1'000'000 - 660'000);
  const std::string ask = "/api/v1/diff?kind=cpu&from=" + now + "&base_from=" + before + "&base_to=" + now;
  json diff = AskJson(ask);
  EXPECT_EQ(diff["total"], 350);
  EXPECT_EQ(diff["base"]["total"], 100);
  EXPECT_EQ(diff["total_values"][0], 350);
  EXPECT_EQ(diff["base_values"][0], 100);
  EXPECT_EQ(diff["functions"][0]["function"], "work");
  EXPECT_EQ(diff["functions"][0]["self"], 300);
  EXPECT_EQ(diff["functions"][0]["base_self"], 100);
  EXPECT_GT(diff["functions"][0]["self_noise"], 0);
  EXPECT_EQ(diff["functions"][1]["base_self"], 0);
  EXPECT_EQ(AskJson(ask + "&normalize=total")["base_values"][0], 350);
  EXPECT_EQ(AskJson(ask + "&normalize=none")["scale"], 1.0);
  AskJson(ask + "&normalize=loud", 400);
  EXPECT_THAT(AskJson("/api/v1/diff?kind=cpu", 400)["error"], HasSubstr("base_from"));
  EXPECT_THAT(AskJson("/api/v1/diff?kind=cpu&base_from=1000&base_to=2000", 404)["error"], HasSubstr("the base: "));
}

TEST_F(SiteTest, ShowsTimeByALabel) {
  for (int64_t minute : {2, 3, 4}) Store(profile::Kind::kOffCpu, "web", minute, 60, "disk");
  Store(profile::Kind::kOffCpu, "web", 3, 7, "lock");
  Store(profile::Kind::kOffCpu, "web", 3, 1, "pipe");
  json timeline = AskJson("/api/v1/timeline?kind=offcpu&by=reason&step=60&limit=2");
  EXPECT_EQ(timeline["total"], 188);
  EXPECT_EQ(timeline["step_ms"], 60'000);
  ASSERT_EQ(timeline["series"].size(), 2U);
  EXPECT_EQ(timeline["series"][0]["value"], "disk");
  EXPECT_EQ(timeline["series"][1]["value"], "lock");
  EXPECT_EQ(timeline["rest"]["total"], 1);
  auto sum = [](const std::vector<int64_t>& values) {
    return std::accumulate(values.begin(), values.end(), int64_t{0});
  };
  for (const json& row : timeline["series"]) {
    EXPECT_EQ(row["values"].size(), timeline["times_ms"].size());
    EXPECT_EQ(sum(row["values"].get<std::vector<int64_t>>()), row["total"]);
  }
  EXPECT_EQ(AskJson("/api/v1/timeline?kind=offcpu")["series"][0]["total"], 188);
  Store(profile::Kind::kOffCpu, "web", 3, 20, "disk", "alpha");
  timeline = AskJson("/api/v1/timeline?kind=offcpu&by=reason&step=60&focus=alp");
  EXPECT_EQ(timeline["total"], 20);
  EXPECT_EQ(sum(timeline["series"][0]["values"].get<std::vector<int64_t>>()), 20);
  EXPECT_EQ(AskJson("/api/v1/timeline?kind=offcpu&ignore=alp")["total"], 188);
  EXPECT_THAT(AskJson("/api/v1/timeline?kind=offcpu&focus=%28", 400)["error"], HasSubstr("'focus'"));
  EXPECT_THAT(
      AskJson("/api/v1/timeline?kind=offcpu&step=1&from=0&to=" + std::to_string(now_ns_ / 1'000'000))["times_ms"]
          .size(),
      ::testing::Gt(100U));
}

TEST_F(SiteTest, TellsHowLongWaitsWere) {
  auto store = [this](int64_t waits, int64_t delay, const std::string& reason, const std::string& function) {
    profile::PprofBuilder builder(profile::Kind::kOffCpu, now_ns_ - 2 * kMinute, kMinute, 1);
    profile::PprofBuilder::Line line{.name = function, .system_name = "", .filename = "", .line = 0};
    const uint64_t stack[] = {builder.AddLocation(0, 1, {&line, 1})};
    const int64_t values[] = {waits, delay};
    builder.AddSample(stack, values, {{"reason", reason}});
    store::NewProfile stored = {.kind = "offcpu",
                                .labels = {},
                                .start_unix_ns = now_ns_ - 2 * kMinute,
                                .duration_ns = kMinute,
                                .pprof = std::move(builder).Build()};
    ASSERT_TRUE(writer_->Append({&stored, 1}, std::nullopt).ok());
  };
  store(98, 98 * 1'000, "disk", "quick");
  store(2, 2 * 1'000'000, "disk", "slow");
  store(1, 50, "lock", "quick");
  json waits = AskJson("/api/v1/waits");
  ASSERT_EQ(waits["rows"].size(), 2U);
  const json& disk = waits["rows"][0];
  EXPECT_EQ(disk["value"], "disk");
  EXPECT_EQ(disk["waits"], 100);
  EXPECT_EQ(disk["mean"], (98 * 1'000 + 2 * 1'000'000) / 100);
  EXPECT_NEAR(disk["p50"].get<double>(), 1'000, 31);
  EXPECT_NEAR(disk["p99"].get<double>(), 1'000'000, 31'000);
  EXPECT_EQ(disk["max"], 1'000'000);
  EXPECT_EQ(AskJson("/api/v1/waits?ignore=slow")["rows"][0]["max"], 1'000);
  json map = AskJson("/api/v1/heatmap?step=60");
  EXPECT_EQ(map["low"].front(), 32);
  EXPECT_EQ(map["low"].back(), 524'288);
  int64_t count = 0;
  for (const json& row : map["waits"]) {
    for (const json& cell : row) count += cell.get<int64_t>();
  }
  EXPECT_EQ(count, 101);
  Store(profile::Kind::kWall, "web", 2, 7, "disk");
  EXPECT_THAT(AskJson("/api/v1/waits?kind=wall", 400)["error"], HasSubstr("no count and time"));
}

TEST_F(SiteTest, ExportsInEveryFormat) {
  Store(profile::Kind::kCpu, "web", 3, 10, "on-cpu");
  const std::pair<std::string, std::string> formats[] = {{"pprof", "cpu.pb.gz"},
                                                         {"folded", "cpu.folded"},
                                                         {"speedscope", "cpu.speedscope.json"},
                                                         {"svg", "cpu.svg"},
                                                         {"html", "cpu.html"}};
  for (const auto& [format, name] : formats) {
    auto answer = Ask("/api/v1/export?kind=cpu&format=" + format);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.headers["Content-Disposition"], "attachment; filename=\"" + name + "\"");
    EXPECT_FALSE(answer.body.empty());
  }
  EXPECT_EQ(Ask("/api/v1/export?kind=cpu&format=folded").body, "cpu;main;work 10\n");
  AskJson("/api/v1/export?kind=cpu&format=jfr", 400);
}

TEST_F(SiteTest, GivesMergedProfilesToPprof) {
  Store(profile::Kind::kCpu, "web", 3, 10, "on-cpu");
  Store(profile::Kind::kCpu, "db", 3, 7, "on-cpu");
  auto answer = Ask("/pprof/cpu");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers["Content-Type"], "application/octet-stream");
  EXPECT_EQ(answer.headers["Content-Disposition"], "attachment; filename=\"cpu.pb.gz\"");
  EXPECT_THAT(answer.body, ::testing::StartsWith("\x1f\x8b"));
  auto pprof = profile::Decode(answer.body, 1 << 20);
  ASSERT_TRUE(pprof.ok()) << pprof.status();
  EXPECT_EQ(pprof->sample_size(), 2);
  EXPECT_THAT(pprof->string_table(), ::testing::Contains("db"));
  EXPECT_THAT(pprof->string_table(), ::testing::Contains("service_name"));
}

TEST_F(SiteTest, TakesSecondsAsTheLastOnesOfWhatIsStored) {
  Store(profile::Kind::kCpu, "web", 10, 10, "on-cpu");
  Store(profile::Kind::kCpu, "web", 2, 7, "on-cpu");
  auto value = [this](const std::string& target) {
    auto pprof = profile::Decode(Ask(target).body, 1 << 20);
    return pprof.ok() ? pprof->sample(0).value(1) : -1;
  };
  EXPECT_EQ(value("/pprof/cpu?seconds=120"), 7);
  EXPECT_EQ(value("/pprof/cpu?seconds=3600"), 17);
}

TEST_F(SiteTest, SaysInOneLineWhyAProfileIsMissing) {
  Store(profile::Kind::kCpu, "web", 2, 7, "on-cpu");
  auto answer = Ask("/pprof/offcpu?seconds=60");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.headers["X-Go-Pprof"], "1");
  EXPECT_EQ(answer.headers.count("Content-Disposition"), 0U);
  EXPECT_EQ(answer.body, "no profile of kind 'offcpu' is stored; stored kinds: cpu\n");
  EXPECT_THAT(AskJson("/api/v1/flamegraph?kind=cpu&from=1000&to=2000", 404)["error"].get<std::string>(),
              HasSubstr("there are some from"));
}

TEST_F(SiteTest, AnswersBadParametersWithTheReason) {
  EXPECT_THAT(AskJson("/api/v1/flamegraph", 400)["error"], HasSubstr("'kind' is missing"));
  EXPECT_THAT(AskJson("/api/v1/flamegraph?kind=cpu&max_nodes=0", 400)["error"], HasSubstr("max_nodes"));
  EXPECT_THAT(AskJson("/api/v1/series?knid=cpu", 400)["error"], HasSubstr("'knid' is unknown"));
  EXPECT_THAT(AskJson("/api/v1/overview?query=%7B", 400)["error"], HasSubstr("label name"));
  EXPECT_THAT(AskJson("/api/v1/top?kind=cpu&kind=wall", 400)["error"], HasSubstr("twice"));
  AskJson("/api/v1/series?query=%FF", 400);
  AskJson("/api/v1/%FF", 404);
  auto pprof = Ask("/pprof/cpu?seconds=-5");
  EXPECT_EQ(pprof.status, 400);
  EXPECT_EQ(pprof.headers["X-Go-Pprof"], "1");
}

TEST_F(SiteTest, SendsHostileNamesAsData) {
  Store(profile::Kind::kCpu, kHostileName, 2, 7, "on-cpu", kHostileName);
  json top = AskJson("/api/v1/top?kind=cpu&limit=1");
  EXPECT_EQ(top["functions"][0]["function"], kHostileName);
  EXPECT_EQ(AskJson("/api/v1/series")["series"][0]["labels"]["service_name"], kHostileName);
}

TEST_F(SiteTest, IsAliveAndReady) {
  EXPECT_EQ(Ask("/livez").body, "ok\n");
  EXPECT_EQ(Ask("/readyz").body, "ok\n");
  std::filesystem::remove_all(directory_);
  EXPECT_EQ(Ask("/livez").status, 200);
  EXPECT_EQ(Ask("/readyz").status, 503);
}

TEST_F(SiteTest, ServesMetricsAndNotesHowLongAnswersTook) {
  EXPECT_EQ(Ask("/metrics").body, "x 1\n");
  Store(profile::Kind::kCpu, "web", 2, 7, "on-cpu");
  Ask("/api/v1/series");
  Ask("/api/v1/nothing");
  Ask("/pprof/offcpu");
  std::filesystem::remove_all(directory_);
  Ask("/api/v1/series");
  const auto& series = statistics_.Questions()[0];
  const auto counts = series.durations.Snapshot().buckets;
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), uint64_t{0}), 2U);
  EXPECT_EQ(series.failures, 1U);
  EXPECT_EQ(statistics_.Questions().back().failures, 0U);  // there was none: who asked is told so
}

TEST_F(SiteTest, ServesThePage) {
  EXPECT_EQ(http::testing::Get(server_->Port(), "/", "Accept-Encoding: gzip\r\n").status, 200);
  EXPECT_EQ(Ask("/nothing").status, 404);
}

}  // namespace
}  // namespace sonde::web
