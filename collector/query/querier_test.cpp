#include "collector/query/querier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <random>
#include <tuple>

#include "collector/store/database.h"
#include "collector/store/schema.h"
#include "collector/store/writer.h"
#include "profile/pprof_builder.h"
#include "profile/wait_length.h"

namespace sonde::query {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMinute = 60'000'000'000;

profile::Pprof PprofOf(profile::Kind kind, int64_t start_ns, const std::map<std::string, int64_t>& value_by_reason) {
  profile::PprofBuilder builder(kind, start_ns, kMinute, 1);
  uint64_t stack[] = {builder.AddLocation(0, 0x10, {})};
  for (const auto& [reason, value] : value_by_reason) {
    std::vector<int64_t> values(profile::SampleTypes(kind).size(), value);
    builder.AddSample(stack, values, reason.empty() ? profile::Labels() : profile::Labels{{"reason", reason}});
  }
  return std::move(builder).Build();
}

class QuerierTest : public testing::Test {
 protected:
  QuerierTest() : directory_(testing::TempDir() + "/sonde_query_XXXXXX") {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    writer_ = *store::Writer::Open(directory_);
  }
  ~QuerierTest() override { std::filesystem::remove_all(directory_); }

  void Store(profile::Kind kind, const std::string& service, int64_t minute,
             const std::map<std::string, int64_t>& value_by_reason) {
    StorePprof(kind, service, minute, PprofOf(kind, minute * kMinute, value_by_reason));
  }

  void StorePprof(profile::Kind kind, const std::string& service, int64_t minute, profile::Pprof pprof) {
    store::NewProfile profile = {.kind = std::string(profile::KindName(kind)),
                                 .labels = {{"service_name", service}, {"node", "n1"}},
                                 .start_unix_ns = minute * kMinute,
                                 .duration_ns = kMinute,
                                 .pprof = std::move(pprof)};
    auto outcome = writer_->Append({&profile, 1}, std::nullopt);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
  }

  static Selection Select(const std::string& kind, const std::string& selector, int64_t from_minute = 0,
                          int64_t to_minute = 1'000) {
    return {kind, *profile::Selector::Parse(selector), {from_minute * kMinute, to_minute * kMinute}};
  }

  absl::StatusOr<Merged> Merge(const Selection& selection) {
    return Querier(directory_).Merge({.selection = selection});
  }

  static int64_t Total(const Merged& merged) {
    int64_t total = 0;
    for (const auto& sample : merged.pprof.sample()) total += sample.value(sample.value_size() - 1);
    return total;
  }

  std::string NotFound(const Selection& selection) {
    auto merged = Merge(selection);
    EXPECT_EQ(merged.status().code(), absl::StatusCode::kNotFound) << merged.status();
    return std::string(merged.status().message());
  }

  std::string directory_;
  std::unique_ptr<store::Writer> writer_;
};

TEST_F(QuerierTest, MergesTheProfilesOfTheSelectedSeriesAndTime) {
  for (int64_t minute : {1, 2, 3}) Store(profile::Kind::kWall, "web", minute, {{"blocked", 10 * minute}});
  Store(profile::Kind::kWall, "db", 2, {{"blocked", 1'000}});
  Store(profile::Kind::kCpu, "web", 2, {{"", 5'000}});
  auto merged = Merge(Select("wall", "{service_name=\"web\"}", 2, 4));
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ(merged->profiles, 2);
  EXPECT_EQ(Total(*merged), 50);
  EXPECT_EQ(merged->pprof.time_nanos(), 2 * kMinute);
  EXPECT_EQ(merged->pprof.duration_nanos(), 2 * kMinute);
}

TEST_F(QuerierTest, PutsTheLabelsOfTheSeriesOnSamples) {
  Store(profile::Kind::kWall, "web", 1, {{"blocked", 1}});
  Store(profile::Kind::kWall, "db", 1, {{"blocked", 2}});
  auto merged = Merge(Select("wall", ""));
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->pprof.sample_size(), 2);
  EXPECT_EQ(merged->pprof.sample(0).label_size(), 3);
}

TEST_F(QuerierTest, ReadsTheSamplesOfWhatIsSelectedAlone) {
  Store(profile::Kind::kWall, "web", 1, {{"blocked", 1}});
  Store(profile::Kind::kWall, "db", 1, {{"disk", 2}});
  auto database = store::Database::Open(directory_ + "/" + store::kFileName, store::Database::Access::kReadWrite);
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE(database
                  ->Execute("UPDATE profile SET samples = x'00' WHERE series_id IN "
                            "(SELECT id FROM series WHERE labels LIKE '%\"db\"%')")
                  .ok());
  for (const char* selector : {"{service_name=\"web\"}", "{reason=\"blocked\"}"}) {
    auto merged = Merge(Select("wall", selector));
    ASSERT_TRUE(merged.ok()) << merged.status();
    EXPECT_EQ(Total(*merged), 1);
  }
  EXPECT_EQ(Merge(Select("wall", "")).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Merge(Select("wall", "{reason=\"disk\"}")).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(QuerierTest, SaysWhyNothingWasFoundAndWhatThereIs) {
  EXPECT_THAT(NotFound(Select("wall", "")), HasSubstr("nothing is stored yet"));
  Store(profile::Kind::kWall, "web", 10, {{"blocked", 1}});
  EXPECT_THAT(NotFound(Select("cpu", "")), HasSubstr("stored kinds: wall"));
  EXPECT_THAT(NotFound(Select("wall", "{service_name=\"db\"}")), HasSubstr("services that have one: web"));
  EXPECT_THAT(NotFound(Select("wall", "", 20, 30)), HasSubstr("from 1970-01-01T00:10:00Z to 1970-01-01T00:11:00Z"));
}

TEST_F(QuerierTest, SumsWallTimeByServiceAndReason) {
  Store(profile::Kind::kWall, "web", 1,
        {{"on-cpu", 1}, {"run-queue", 2}, {"disk", 4}, {"major-fault", 1}, {"blocked", 8}, {"", 16}});
  Store(profile::Kind::kWall, "web", 2, {{"on-cpu", 100}});
  Store(profile::Kind::kWall, "db", 2, {{"blocked", 1'000}});
  Store(profile::Kind::kCpu, "db", 2, {{"", 7'777}});
  auto overview = Querier(directory_).SumByService(Select("", ""));
  ASSERT_TRUE(overview.ok()) << overview.status();
  ASSERT_EQ(overview->services.size(), 2U);
  EXPECT_EQ(overview->services[0].service, "db");
  EXPECT_EQ(overview->services[0].wall_ns, 1'000);
  const ServiceTime& web = overview->services[1];
  EXPECT_EQ(web.group_ns,
            (std::map<std::string, int64_t>{{"on-cpu", 101}, {"run-queue", 2}, {"disk", 5}, {"unknown", 24}}));
  EXPECT_EQ(web.wall_ns, 132);
  EXPECT_EQ(overview->profiles, 3);
  EXPECT_EQ(overview->span.from_ns, kMinute);
  EXPECT_EQ(overview->span.to_ns, 3 * kMinute);
}

// Of waits of some lengths (bucket: how many), an off-CPU profile and what was counted of them.
struct LengthsOfReason {
  std::string reason;
  std::map<size_t, int64_t> waits;
};

profile::Pprof OffCpuOf(const std::vector<LengthsOfReason>& all, int64_t total) {
  profile::PprofBuilder builder(profile::Kind::kOffCpu, 0, kMinute, 1);
  uint64_t stack[] = {builder.AddLocation(0, 0x10, {})};
  for (const LengthsOfReason& one : all) {
    int64_t waits = 0;
    for (const auto& [bucket, count] : one.waits) waits += count;
    builder.AddSample(stack, std::array{waits, total}, {{"reason", one.reason}});
  }
  return std::move(builder).Build();
}

profile::Pprof WaitLengthsOf(const std::vector<LengthsOfReason>& all) {
  profile::PprofBuilder builder(profile::Kind::kWaitLengths, 0, kMinute, 1);
  for (const LengthsOfReason& one : all) {
    for (const auto& [bucket, count] : one.waits) {
      const std::string& name = profile::WaitLengthFrame(bucket);
      const profile::PprofBuilder::Line line{.name = name, .system_name = name, .filename = "", .line = 0};
      builder.AddSample(std::array{builder.AddLocation(0, 0, {&line, 1})}, std::array{count}, {{"reason", one.reason}});
    }
  }
  return std::move(builder).Build();
}

TEST_F(QuerierTest, TellsPercentilesOfWaitsAsTheyWereCounted) {
  const std::vector<LengthsOfReason> waits = {{"disk", {{3, 98}, {20, 2}}}, {"lock", {{1, 10}}}};
  StorePprof(profile::Kind::kOffCpu, "web", 1, OffCpuOf(waits, 1'000'000'000));
  StorePprof(profile::Kind::kWaitLengths, "web", 1, WaitLengthsOf({waits[0]}));
  StackQuery query{.selection = Select("offcpu", ""), .root = "reason"};
  auto told = Querier(directory_).WaitsOf(query);
  ASSERT_TRUE(told.ok()) << told.status();
  ASSERT_EQ(told->rows.size(), 2U);
  const auto& disk = told->rows[told->rows[0].value == "disk" ? 0 : 1];
  const auto& lock = told->rows[told->rows[0].value == "disk" ? 1 : 0];
  EXPECT_TRUE(disk.is_counted);
  EXPECT_EQ(disk.waits, 100);
  EXPECT_NEAR(static_cast<double>(disk.p50), 2'048 + 2'048 * 50. / 98, 1);
  EXPECT_EQ(disk.p99, profile::ShortestWaitNs(20) * 3 / 2);
  EXPECT_EQ(disk.max, profile::ShortestWaitNs(21));
  EXPECT_FALSE(lock.is_counted) << "nobody counted these";
  EXPECT_NEAR(static_cast<double>(lock.p50), 1e8, 3e6);

  query.ignore = "no such function";
  told = Querier(directory_).WaitsOf(query);
  ASSERT_TRUE(told.ok()) << told.status();
  for (const auto& row : told->rows) EXPECT_FALSE(row.is_counted) << "lengths have no stacks";
}

TEST_F(QuerierTest, DrawsAHeatMapOfLengthsAsTheyWereCounted) {
  const std::vector<LengthsOfReason> waits = {{"disk", {{3, 98}, {20, 2}}}};
  for (int64_t minute : {1, 2}) StorePprof(profile::Kind::kOffCpu, "web", minute, OffCpuOf(waits, 1'000'000'000));
  const StackQuery query{.selection = Select("offcpu", ""), .root = "reason"};
  auto estimated = Querier(directory_).HeatmapOf(query, kMinute);
  ASSERT_TRUE(estimated.ok()) << estimated.status();
  EXPECT_FALSE(estimated->is_counted);
  ASSERT_EQ(estimated->low.size(), 1U);

  for (int64_t minute : {1, 2}) StorePprof(profile::Kind::kWaitLengths, "web", minute, WaitLengthsOf(waits));
  auto counted = Querier(directory_).HeatmapOf(query, kMinute);
  ASSERT_TRUE(counted.ok()) << counted.status();
  EXPECT_TRUE(counted->is_counted);
  ASSERT_EQ(counted->low.size(), 18U);
  EXPECT_EQ(counted->low.front(), profile::ShortestWaitNs(3));
  EXPECT_EQ(counted->low.back(), profile::ShortestWaitNs(20));
  EXPECT_THAT(counted->waits.front(), testing::ElementsAre(98, 98));
  EXPECT_THAT(counted->waits.back(), testing::ElementsAre(2, 2));
  EXPECT_EQ(counted->values.back()[0], 3 * profile::ShortestWaitNs(20));
}

TEST_F(QuerierTest, ListsTheSeriesThatMatch) {
  Store(profile::Kind::kWall, "web", 1, {{"blocked", 1}});
  Store(profile::Kind::kCpu, "web", 1, {{"", 1}});
  Store(profile::Kind::kCpu, "db", 1, {{"", 1}});
  Querier querier(directory_);
  EXPECT_EQ(querier.ListSeries(Select("", ""))->size(), 3U);
  EXPECT_EQ(querier.ListSeries(Select("cpu", ""))->size(), 2U);
  EXPECT_EQ(querier.ListSeries(Select("", "{service_name=\"db\"}"))->size(), 1U);
  EXPECT_EQ(querier.ListSeries(Select("", "", 5, 6))->size(), 0U);
}

TEST_F(QuerierTest, RefusesToSumProfilesOfDifferentTypes) {
  Store(profile::Kind::kWall, "web", 1, {{"blocked", 1}});
  store::NewProfile odd = {.kind = "wall",
                           .labels = {{"service_name", "web"}},
                           .start_unix_ns = kMinute,
                           .duration_ns = kMinute,
                           .pprof = PprofOf(profile::Kind::kCpu, kMinute, {{"", 1}})};
  ASSERT_TRUE(writer_->Append({&odd, 1}, std::nullopt).ok());
  EXPECT_EQ(Merge(Select("wall", "")).status().code(), absl::StatusCode::kInvalidArgument);
}

// An off-CPU profile of random stacks of a few functions.
store::NewProfile RandomProfile(std::mt19937* random, int64_t minute) {
  profile::PprofBuilder builder(profile::Kind::kOffCpu, minute * kMinute, kMinute, 1);
  for (int i = 0; i < 40; ++i) {
    std::vector<uint64_t> stack;
    for (auto depth = (*random)() % 6 + 1; depth > 0; --depth) {
      // Some have a frame inlined into another.
      const auto place = (*random)() % 14;
      const std::string names[] = {"f" + std::to_string(place % 9), "f" + std::to_string((place + 1) % 9)};
      std::vector<profile::PprofBuilder::Line> lines;
      for (const auto& name : names) lines.push_back({.name = name, .system_name = "", .filename = "", .line = 0});
      if (place < 9) lines.pop_back();
      stack.push_back(builder.AddLocation(0, place + 1, lines));
    }
    const int64_t values[] = {static_cast<int64_t>((*random)() % 9), static_cast<int64_t>((*random)() % 1'000)};
    const char* reasons[] = {"disk", "lock", "", "(no reason)"};
    builder.AddSample(stack, values, {{"reason", reasons[(*random)() % 4]}});
  }
  store::NewProfile profile{.kind = "offcpu", .labels = {{"service_name", (*random)() % 2 == 0 ? "a" : "b"}}};
  profile.start_unix_ns = minute * kMinute;
  profile.duration_ns = kMinute;
  profile.pprof = std::move(builder).Build();
  return profile;
}

// By function and by reason: everything that a question answers of them.
std::map<std::string, std::vector<int64_t>> AnswersOf(const std::string& directory) {
  const Querier querier(directory);
  const Selection all{"offcpu", *profile::Selector::Parse(""), {0, int64_t{1} << 62}};
  auto stacks = querier.StacksOf({.selection = all, .root = "reason"});
  EXPECT_TRUE(stacks.ok()) << stacks.status();
  std::map<std::string, std::vector<int64_t>> answers;
  for (const auto& one : profile::FunctionWeights(stacks->tree)) {
    answers[stacks->tree.Frames().At(one.frame).name] = {one.self[0], one.self[1], one.total[0], one.total[1]};
  }
  answers["profiles"] = {stacks->heading.profiles, stacks->heading.from_ns, stacks->heading.to_ns};
  auto merged = querier.Merge({.selection = all});
  EXPECT_TRUE(merged.ok()) << merged.status();
  int64_t total = 0;
  for (const auto& sample : merged->pprof.sample()) total += sample.value(1);
  EXPECT_EQ(total, stacks->heading.total);
  return answers;
}

TEST_F(QuerierTest, AnswersTheSameInWhateverOrderThingsCameAndHoweverOldTheyAre) {
  for (uint32_t seed = 0; seed < 5; ++seed) {
    std::mt19937 random(seed);
    std::vector<store::NewProfile> profiles;
    // Over two midnights.
    for (int64_t minute : {1'430, 1'431, 1'439, 1'440, 1'441, 1'500, 2'879, 2'881})
      profiles.push_back(RandomProfile(&random, minute));
    std::map<std::string, std::vector<int64_t>> answers[3];
    for (int order = 0; order < 3; ++order) {
      const std::string directory = directory_ + "/" + std::to_string(seed) + std::to_string(order);
      auto writer = *store::Writer::Open(directory);
      std::ranges::shuffle(profiles, random);
      const size_t first = static_cast<size_t>(order) * 3;  // in one request, and one by one
      ASSERT_TRUE(writer->Append({profiles.data(), first}, std::nullopt).ok());
      for (size_t i = first; i < profiles.size(); ++i)
        ASSERT_TRUE(writer->Append({&profiles[i], 1}, std::nullopt).ok());
      answers[order] = AnswersOf(directory);
      if (order == 0) continue;
      ASSERT_TRUE(writer->SumUpOld(int64_t{order} * 2'890 * kMinute, [] { return true; }).ok());
      EXPECT_EQ(AnswersOf(directory), answers[order]);
    }
    EXPECT_EQ(answers[1], answers[0]);
    EXPECT_EQ(answers[2], answers[0]);
  }
}

// Weights by path, and whether the last frame is inlined in all of its stacks.
std::map<std::string, std::tuple<int64_t, int64_t, bool>> PathsOf(const profile::FrameTree& tree) {
  std::map<std::string, std::tuple<int64_t, int64_t, bool>> paths;
  std::vector<std::string> names(tree.Nodes().size());
  for (size_t i = 1; i < names.size(); ++i) {
    const auto& node = tree.Nodes()[i];
    names[i] = names[static_cast<size_t>(node.parent)] + ";" + tree.Frames().At(node.frame).name;
    EXPECT_TRUE(paths.emplace(names[i], std::tuple(node.total[0], node.total[1], node.is_called)).second) << names[i];
  }
  return paths;
}

TEST_F(QuerierTest, MakesTheSameTreeWhateverStacksItKnowsAlready) {
  std::mt19937 random(11);
  const Querier querier(directory_);
  for (int64_t minute : {1'438, 1'439, 1'440, 1'441, 2'880}) {
    const store::NewProfile profile = RandomProfile(&random, minute);
    ASSERT_TRUE(writer_->Append({&profile, 1}, std::nullopt).ok());
    for (const char* selector : {"{service_name=\"a\"}", "", "{reason=\"disk\"}"}) {
      for (const char* root : {"", "reason"}) {
        const StackQuery query{.selection = Select("offcpu", selector, 0, 10'000), .root = root};
        auto stacks = querier.StacksOf(query);
        if (absl::IsNotFound(stacks.status())) continue;
        ASSERT_TRUE(stacks.ok()) << stacks.status();
        EXPECT_EQ(PathsOf(stacks->tree), PathsOf(profile::FrameTree::Of(querier.Merge(query)->pprof, 1, 0, root)));
      }
    }
  }
}

TEST_F(QuerierTest, TellsWhenTheStoreCannotBeRead) {
  EXPECT_TRUE(Querier(directory_).Ping().ok());
  EXPECT_FALSE(Querier(directory_ + "/nothing-here").Ping().ok());
}

}  // namespace
}  // namespace sonde::query
