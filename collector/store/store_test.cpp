#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <random>

#include "collector/store/aging.h"
#include "collector/store/reader.h"
#include "collector/store/sample_columns.h"
#include "collector/store/schema.h"
#include "collector/store/series_labels.h"
#include "collector/store/upkeep.h"
#include "collector/store/writer.h"
#include "profile/merge.h"
#include "profile/pprof_file.h"

namespace sonde::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr TimeRange kAlways = {0, 1'000'000};

// A wall profile of one sample, whose function has the name `function`.
NewProfile Profile(const std::string& service, int64_t start_ns, const std::string& function, int64_t value = 1) {
  profile::PprofBuilder builder(profile::Kind::kWall, start_ns, 60, 1);
  const profile::PprofBuilder::Line line{.name = function, .system_name = "", .filename = "", .line = 0};
  const uint64_t stack[] = {builder.AddLocation(0, 0x10, {&line, 1})};
  builder.AddSample(stack, {&value, 1}, {{"reason", "disk"}});
  return {.kind = "wall",
          .labels = {{"service_name", service}},
          .start_unix_ns = start_ns,
          .duration_ns = 60,
          .pprof = std::move(builder).Build()};
}

// A name that does not compress.
std::string Noise(size_t size) {
  std::mt19937 random(1);
  std::string noise(size, ' ');
  for (char& one : noise) one = static_cast<char>(33 + random() % 90);
  return noise;
}

class StoreTest : public testing::Test {
 protected:
  StoreTest() : directory_(testing::TempDir() + "/sonde_store_XXXXXX") {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    directory_ += "/store";
  }
  ~StoreTest() override { std::filesystem::remove_all(std::filesystem::path(directory_).parent_path()); }

  std::unique_ptr<Writer> Open() {
    auto writer = Writer::Open(directory_);
    EXPECT_TRUE(writer.ok()) << writer.status();
    return writer.ok() ? *std::move(writer) : nullptr;
  }

  absl::Status FailToOpen() {
    auto writer = Writer::Open(directory_);
    EXPECT_FALSE(writer.ok());
    EXPECT_THAT(std::string(writer.status().message()), HasSubstr(directory_));
    return writer.status();
  }

  std::vector<std::string> Stored(TimeRange range = kAlways, const std::string& kind = "wall") {
    std::vector<std::string> all;
    VolumeCache cache;
    auto reader = Reader::Open(directory_, &cache);
    EXPECT_TRUE(reader.ok()) << reader.status();
    auto series = reader->ListSeries(kind, range);
    EXPECT_TRUE(series.ok()) << series.status();
    for (const Series& one : *series) {
      auto keep = [&](const StoredProfile& profile) {
        for (const auto& [function, value] : Functions(&*reader, profile)) all.push_back(function);
        return absl::OkStatus();
      };
      EXPECT_TRUE(reader->Visit(one.id, range, Reader::Depth::kSamples, keep).ok());
    }
    return all;
  }

  // The names of leaves and their values, one for each sample.
  static std::vector<std::pair<std::string, int64_t>> Functions(Reader* reader, const StoredProfile& profile) {
    auto view = reader->Volume(profile.volume);
    EXPECT_TRUE(view.ok()) << view.status();
    auto frames = (*view)->Frames();
    EXPECT_TRUE(frames.ok()) << frames.status();
    std::vector<std::pair<std::string, int64_t>> functions;
    auto add = [&](const SampleGroup& group) {
      for (size_t i = 0; i < group.nodes.size(); ++i) {
        const StackNode node = (*view)->Entries().Node(group.nodes[i]);
        functions.emplace_back((*frames)->At((*frames)->Of(node.location).front()).name, group.values[i]);
      }
    };
    EXPECT_TRUE(DecodeSamples(profile.samples, profile.value_count, add).ok());
    return functions;
  }

  // Value by function, windows and rows of everything that is stored.
  struct Everything {
    std::map<std::string, int64_t> values;
    int64_t rows = 0;
    int64_t windows = 0;
  };
  Everything All() {
    constexpr TimeRange kEver = {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
    Everything all;
    VolumeCache cache;
    auto reader = Reader::Open(directory_, &cache);
    const auto every = reader->ListSeries("", kEver);
    for (const Series& one : *every) {
      auto add = [&](const StoredProfile& profile) {
        ++all.rows;
        all.windows += profile.windows;
        for (const auto& [function, value] : Functions(&*reader, profile)) all.values[function] += value;
        return absl::OkStatus();
      };
      EXPECT_TRUE(reader->Visit(one.id, kEver, Reader::Depth::kSamples, add).ok());
    }
    return all;
  }

  void ExpectWhole() {
    auto report = CheckStore(directory_);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->faults, ElementsAre());
  }

  static void Append(Writer& writer, const NewProfile& profile, const std::optional<RequestId>& id = std::nullopt,
                     Outcome expected = Outcome::kStored) {
    auto outcome = writer.Append({&profile, 1}, id);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_EQ(*outcome, expected);
  }

  std::string directory_;
};

TEST_F(StoreTest, GivesBackWhatWasStored) {
  auto writer = Open();
  Append(*writer, Profile("a", 100, "first"));
  Append(*writer, Profile("a", 160, "second"));
  EXPECT_THAT(Stored(), ElementsAre("first", "second"));
}

TEST_F(StoreTest, KeepsEverythingWhenItIsOpenedAgain) {
  Append(*Open(), Profile("a", 100, "first"));
  auto again = Open();
  EXPECT_THAT(Stored(), ElementsAre("first"));
}

TEST_F(StoreTest, GroupsProfilesBySeries) {
  auto writer = Open();
  Append(*writer, Profile("a", 100, "1"));
  Append(*writer, Profile("b", 200, "2"));
  Append(*writer, Profile("a", 300, "3"));
  VolumeCache cache;
  auto series = Reader::Open(directory_, &cache)->ListSeries("", kAlways);
  ASSERT_TRUE(series.ok());
  ASSERT_EQ(series->size(), 2U);
  EXPECT_EQ((*series)[0].labels, (profile::Labels{{"service_name", "a"}}));
  EXPECT_EQ((*series)[0].kind, "wall");
  EXPECT_EQ((*series)[0].profiles, 2);
  EXPECT_EQ((*series)[0].first_ns, 100);
  EXPECT_EQ((*series)[0].last_ns, 360);
}

TEST_F(StoreTest, SelectsTheProfilesWhoseWindowOverlapsTheRange) {
  auto writer = Open();
  for (int64_t start : {0, 60, 120, 180}) Append(*writer, Profile("a", start, std::to_string(start)));
  EXPECT_THAT(Stored({60, 120}), ElementsAre("60"));
  EXPECT_THAT(Stored({59, 121}), ElementsAre("0", "60", "120"));
  EXPECT_THAT(Stored({240, 300}), ElementsAre());
  EXPECT_THAT(Stored(kAlways, "cpu"), ElementsAre());
}

TEST_F(StoreTest, StoresARequestOnceHoweverOftenItComes) {
  auto writer = Open();
  Append(*writer, Profile("a", 100, "x"), RequestId{"i1", 7});
  Append(*writer, Profile("a", 100, "x"), RequestId{"i1", 7}, Outcome::kAlreadyStored);
  Append(*writer, Profile("a", 100, "y"), RequestId{"i2", 7});
  Append(*writer, Profile("a", 100, "z"), RequestId{"i1", 8});
  EXPECT_THAT(Stored(), ElementsAre("x", "y", "z"));
}

TEST_F(StoreTest, StoresOfARequestWhatDidNotComeBefore) {
  auto writer = Open();
  const std::vector<NewProfile> first = {Profile("a", 100, "x"), Profile("a", 160, "y")};
  const std::vector<RequestId> ids = {{"p1", 0}, {"p2", 0}};
  EXPECT_THAT(*writer->AppendNew(first, ids), ElementsAre(0, 1));
  EXPECT_THAT(*writer->AppendNew(first, ids), ElementsAre());
  const std::vector<NewProfile> other = {Profile("a", 160, "y"), Profile("a", 220, "z")};
  EXPECT_THAT(*writer->AppendNew(other, std::vector<RequestId>{{"p2", 0}, {"p3", 0}}), ElementsAre(1));
  EXPECT_THAT(Stored(), ElementsAre("x", "y", "z"));
}

TEST_F(StoreTest, RemembersRequestsAcrossARestart) {
  Append(*Open(), Profile("a", 100, "x"), RequestId{"i1", 7});
  Append(*Open(), Profile("a", 100, "x"), RequestId{"i1", 7}, Outcome::kAlreadyStored);
}

TEST_F(StoreTest, DeletesOldProfilesAndTheSeriesTheyLeaveEmpty) {
  auto writer = Open();
  for (int64_t start = 0; start < 1'200; ++start) Append(*writer, Profile("old", start, "x"));
  Append(*writer, Profile("new", 10'000, "kept"));
  auto deleted = writer->DeleteBefore(5'000, 0);
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_EQ(*deleted, 1'200);
  EXPECT_THAT(Stored(), ElementsAre("kept"));
  VolumeCache cache;
  EXPECT_EQ(Reader::Open(directory_, &cache)->ListSeries("", kAlways)->size(), 1U);
}

TEST_F(StoreTest, ForgetsOldRequestsOnlyWhenAsked) {
  auto writer = Open();
  Append(*writer, Profile("a", 1, "x"), RequestId{"i", 1});
  ASSERT_TRUE(writer->DeleteBefore(0, 1).ok());
  Append(*writer, Profile("a", 1, "x"), RequestId{"i", 1}, Outcome::kAlreadyStored);
  ASSERT_TRUE(writer->DeleteBefore(0, std::numeric_limits<int64_t>::max()).ok());
  Append(*writer, Profile("a", 1, "x"), RequestId{"i", 1});
}

TEST_F(StoreTest, KeepsNothingOfARequestThatDidNotFitOnTheDisk) {
  auto writer = Open();
  Append(*writer, Profile("a", 1, "small"));
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight{.rlim_cur = 256 << 10, .rlim_max = old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  std::vector<NewProfile> request = {Profile("a", 2, "half"), Profile("a", 3, Noise(1 << 20))};
  auto outcome = writer->Append(request, RequestId{"i", 1});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kUnavailable) << outcome.status();
  EXPECT_THAT(Stored(), ElementsAre("small"));
  outcome = writer->Append(request, RequestId{"i", 1});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(*outcome, Outcome::kStored);
  EXPECT_EQ(Stored().size(), 3U);
}

TEST_F(StoreTest, RefusesASecondWriter) {
  auto writer = Open();
  EXPECT_THAT(std::string(FailToOpen().message()), HasSubstr("another sonde-collector"));
}

TEST_F(StoreTest, RefusesANewerSchema) {
  Open();
  auto database = Database::Open(directory_ + "/" + kFileName, Database::Access::kReadWrite);
  ASSERT_TRUE(database->Execute("PRAGMA user_version = 99").ok());
  absl::Status status = FailToOpen();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("version 99"));
}

TEST_F(StoreTest, RefusesTheDatabaseOfAnotherProgram) {
  Open();
  auto database = Database::Open(directory_ + "/" + kFileName, Database::Access::kReadWrite);
  ASSERT_TRUE(database->Execute("PRAGMA application_id = 1").ok());
  EXPECT_EQ(FailToOpen().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(StoreTest, RefusesACorruptFile) {
  Append(*Open(), Profile("a", 1, "x"));
  std::ofstream(directory_ + "/" + kFileName) << std::string(8'192, 'Z');
  absl::Status status = FailToOpen();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("damaged"));
}

TEST_F(StoreTest, RefusesAPathThatIsNoDirectory) {
  std::ofstream(directory_) << "a file";
  EXPECT_EQ(FailToOpen().code(), absl::StatusCode::kUnavailable);
}

constexpr int64_t kDay = 20'000;  // some day, 2024-10-04
bool Always() { return true; }

TEST_F(StoreTest, SumsUpWhatIsOldByTenMinutesAndThenByHoursAndLosesNothing) {
  auto writer = Open();
  const int64_t start = kDay * kNsPerDay;
  for (int64_t minute = 0; minute < 180; ++minute) {
    NewProfile profile = Profile("a", start + minute * kNsPerMinute, "f" + std::to_string(minute % 7), minute + 1);
    profile.duration_ns = kNsPerMinute;
    Append(*writer, profile);
  }
  const Everything fresh = All();
  EXPECT_EQ(fresh.rows, 180);
  // At 04:00 what began before 02:00 is old enough.
  ASSERT_EQ(*writer->SumUpOld(start + 240 * kNsPerMinute, Always), 120);
  const Everything older = All();
  EXPECT_EQ(older.rows, 12 + 60);
  EXPECT_EQ(older.windows, 180);
  EXPECT_EQ(older.values, fresh.values);
  EXPECT_EQ(*writer->SumUpOld(start + 240 * kNsPerMinute, Always), 0);
  // A window that comes late is taken in.
  Append(*writer, Profile("a", start + 5 * kNsPerMinute, "late", 100));
  ASSERT_EQ(*writer->SumUpOld(start + 240 * kNsPerMinute, Always), 2);
  ASSERT_GT(*writer->SumUpOld(start + 2 * kNsPerDay, Always), 0);
  const Everything oldest = All();
  EXPECT_EQ(oldest.rows, 3);
  EXPECT_EQ(oldest.windows, 181);
  auto expected = fresh.values;
  expected["late"] = 100;
  EXPECT_EQ(oldest.values, expected);
  ExpectWhole();
}

TEST_F(StoreTest, KeepsSeriesTypesAndDaysApartWhenItSumsUp) {
  auto writer = Open();
  const int64_t start = kDay * kNsPerDay;
  Append(*writer, Profile("a", start, "x"));
  Append(*writer, Profile("a", start - 1, "x"));  // the day before
  Append(*writer, Profile("b", start, "x"));
  NewProfile other = Profile("a", start, "x");
  other.pprof.mutable_sample_type(0)->set_unit(other.pprof.sample_type(0).type());
  Append(*writer, other);
  ASSERT_TRUE(writer->SumUpOld(start + 3 * kNsPerDay, Always).ok());
  EXPECT_EQ(All().rows, 4);
  ExpectWhole();
}

TEST_F(StoreTest, StoresNamesAndStacksOfADayOnce) {
  auto writer = Open();
  const std::string name = Noise(100'000);
  for (int64_t minute = 0; minute < 100; ++minute) Append(*writer, Profile("a", kDay * kNsPerDay + minute, name));
  EXPECT_LT(std::filesystem::file_size(directory_ + "/" + kFileName), 2'000'000U);
  EXPECT_EQ(All().values, (std::map<std::string, int64_t>{{name, 100}}));
}

TEST_F(StoreTest, BringsThePiecesOfItsDictionaryTogether) {
  auto writer = Open();
  for (int64_t minute = 0; minute < 200; ++minute) {
    Append(*writer, Profile("a", kDay * kNsPerDay + minute, "f" + std::to_string(minute)));
  }
  ASSERT_TRUE(writer->SumUpOld(0, Always).ok());
  auto database = Database::Open(directory_ + "/" + kFileName, Database::Access::kReadOnly);
  EXPECT_LT(*database->QueryInteger("SELECT count(*) FROM dictionary"), 30);
  EXPECT_EQ(All().values.size(), 200U);
  // The writer goes on where it was.
  Append(*writer, Profile("a", kDay * kNsPerDay, "another"));
  EXPECT_EQ(All().values.size(), 201U);
  ExpectWhole();
}

TEST_F(StoreTest, DeletesTheOldestUntilTheRestFits) {
  auto writer = Open();
  for (int64_t day = 0; day < 40; ++day) {
    for (int i = 0; i < 20; ++i)
      Append(*writer, Profile("a", (kDay + day) * kNsPerDay + i, Noise(20'000) + std::to_string(day)));
  }
  ASSERT_EQ(*writer->DeleteBeyond(int64_t{1} << 40), 0);
  ASSERT_GT(*writer->DeleteBeyond(400'000), 0);
  const Everything left = All();
  EXPECT_GT(left.rows, 0);
  EXPECT_EQ(left.values.count(Noise(20'000) + "39"), 1U);
  EXPECT_EQ(left.values.count(Noise(20'000) + "0"), 0U);
  ExpectWhole();
  Append(*writer, Profile("a", kDay * kNsPerDay, "again"));
  EXPECT_EQ(All().values.count("again"), 1U);
}

TEST_F(StoreTest, ReadersThatKnowADayThatWasDeletedAreNotMisled) {
  auto writer = Open();
  VolumeCache cache;
  auto read = [&] {
    auto reader = Reader::Open(directory_, &cache);
    std::vector<std::string> names;
    const auto every = reader->ListSeries("", {0, std::numeric_limits<int64_t>::max()});
    for (const Series& one : *every) {
      auto add = [&](const StoredProfile& profile) {
        for (const auto& [function, value] : Functions(&*reader, profile)) names.push_back(function);
        return absl::OkStatus();
      };
      EXPECT_TRUE(reader->Visit(one.id, {0, std::numeric_limits<int64_t>::max()}, Reader::Depth::kSamples, add).ok());
    }
    return names;
  };
  Append(*writer, Profile("a", kDay * kNsPerDay, "before"));
  EXPECT_THAT(read(), ElementsAre("before"));
  ASSERT_EQ(*writer->DeleteBefore(std::numeric_limits<int64_t>::max(), 0), 1);
  Append(*writer, Profile("a", kDay * kNsPerDay, "after"));
  EXPECT_THAT(read(), ElementsAre("after"));
}

TEST_F(StoreTest, GivesBackEveryPartOfAProfile) {
  auto writer = Open();
  profile::PprofBuilder builder(profile::Kind::kCpu, 5, 60, 10'101'010);
  const uint64_t mapping = builder.AddMapping("/bin/app", "abcd", 0x1000, 0x2000, 0x300, true);
  const profile::PprofBuilder::Line lines[] = {
      {.name = "inlined", .system_name = "_Z7inlinedv", .filename = "a.h", .line = 3, .start_line = 2},
      {.name = "outer", .system_name = "", .filename = "a.cpp", .line = 9, .start_line = 8}};
  const uint64_t stack[] = {builder.AddLocation(mapping, 0x1234, lines), builder.AddLocation(0, 0x99, {})};
  const int64_t values[] = {2, 20'202'020};
  builder.AddSample(stack, values, {{"process", "app"}, {"reason", "on-cpu"}});
  builder.AddComment("lost 3 samples");
  NewProfile stored{.kind = "cpu", .labels = {}, .start_unix_ns = 5, .duration_ns = 60};
  stored.pprof = std::move(builder).Build();
  auto* label = stored.pprof.mutable_sample(0)->add_label();
  label->set_key(stored.pprof.string_table_size());
  stored.pprof.add_string_table("bytes");
  label->set_num(4'096);
  label->set_num_unit(stored.pprof.string_table_size() - 1);
  Append(*writer, stored);
  VolumeCache cache;
  auto reader = Reader::Open(directory_, &cache);
  profile::Pprof back;
  auto take = [&](const StoredProfile& row) {
    auto view = *reader->Volume(row.volume);
    Unpacker unpacker(view->Entries(), *ShapeOf(view->Entries(), row.shape));
    auto add = [&](const SampleGroup& group) {
      EXPECT_TRUE(unpacker.AddSample(group.labels, group.nodes[0], group.values, {}).ok());
    };
    EXPECT_TRUE(DecodeSamples(row.samples, row.value_count, add).ok());
    EXPECT_EQ(row.period, 10'101'010);
    EXPECT_EQ(view->Entries().Bytes(Table::kString, DecodeComments(row.comments)->front()), "lost 3 samples");
    back = std::move(unpacker).Finish();
    return absl::OkStatus();
  };
  ASSERT_TRUE(
      reader->Visit(reader->ListSeries("cpu", kAlways)->front().id, kAlways, Reader::Depth::kSamples, take).ok());
  ASSERT_TRUE(profile::Check(back).ok()) << profile::Check(back);
  // Merging is by content: a sum of both has one sample, of twice the values, if both are equal.
  auto both = profile::Merge({stored.pprof, back});
  ASSERT_TRUE(both.ok()) << both.status();
  ASSERT_EQ(both->sample_size(), 1) << both->DebugString();
  EXPECT_EQ(both->sample(0).value(1), 2 * 20'202'020);
  EXPECT_EQ(both->mapping_size(), 1);
  EXPECT_EQ(both->function_size(), 2);
}

TEST_F(StoreTest, CopiesItselfWhileItIsInUse) {
  auto writer = Open();
  Append(*writer, Profile("a", 100, "first"));
  const std::string copy = directory_ + "-copy";
  ASSERT_TRUE(std::filesystem::create_directory(copy));
  ASSERT_TRUE(BackUpStore(directory_, copy + "/" + kFileName).ok());
  EXPECT_EQ(BackUpStore(directory_, copy + "/" + kFileName).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(BackUpStore(directory_ + "-none", copy + "/x").code(), absl::StatusCode::kNotFound);
  Append(*writer, Profile("a", 160, "second"));
  writer.reset();
  directory_ = copy;
  writer = Open();
  EXPECT_THAT(Stored(), ElementsAre("first"));
  ExpectWhole();
}

TEST_F(StoreTest, FindsWhatIsDamaged) {
  auto writer = Open();
  Append(*writer, Profile("a", 100, "first"));
  Append(*writer, Profile("a", 160, "second"));
  auto database = Database::Open(directory_ + "/" + kFileName, Database::Access::kReadWrite);
  const char* damages[] = {
      "UPDATE profile SET totals = x'0104' WHERE id = 1", "UPDATE profile SET samples = x'00' WHERE id = 2",
      "UPDATE profile SET shape = 77 WHERE id = 1", "DELETE FROM dictionary WHERE part = 0 AND first_id = 1",
      "UPDATE dictionary SET packed = x'28' WHERE part=6"};
  for (const char* damage : damages) {
    ASSERT_TRUE(database->Execute(damage).ok());
    auto report = CheckStore(directory_);
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_FALSE(report->faults.empty()) << damage;
  }
}

TEST_F(StoreTest, TakesOverAStoreOfTheVersionBefore) {
  std::filesystem::create_directories(directory_);
  {
    auto database = Database::Open(directory_ + "/" + kFileName, Database::Access::kReadWrite);
    ASSERT_TRUE(database
                    ->Execute(R"sql(
PRAGMA auto_vacuum = INCREMENTAL;
CREATE TABLE series (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, labels TEXT NOT NULL, UNIQUE (kind, labels)) STRICT;
CREATE TABLE profile (id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL REFERENCES series (id), start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL, pprof BLOB NOT NULL) STRICT;
CREATE INDEX profile_by_series ON profile (series_id, end_ns, start_ns);
CREATE INDEX profile_by_end ON profile (end_ns);
CREATE TABLE request (instance TEXT NOT NULL, sequence INTEGER NOT NULL, stored_ns INTEGER NOT NULL,
  PRIMARY KEY (instance, sequence)) STRICT, WITHOUT ROWID;
CREATE INDEX request_by_age ON request (stored_ns);
CREATE TABLE opened (id INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL) STRICT;
INSERT INTO series VALUES (7, 'wall', '{"service_name":"a"}');
INSERT INTO request VALUES ('agent', 1, 5);
PRAGMA application_id = 1397706308;
PRAGMA user_version = 1)sql")
                    .ok());
    auto insert = database->Prepare("INSERT INTO profile (series_id, start_ns, end_ns, pprof) VALUES (7, ?, ?, ?)");
    for (const char* name : {"first", "second"}) {
      const std::string bytes = profile::Encode(Profile("a", 100, name).pprof);
      insert->Bind(1, 100);
      insert->Bind(2, 160);
      insert->BindBlob(3, bytes);
      ASSERT_TRUE(insert->Run().ok());
    }
  }
  EXPECT_EQ(CheckStore(directory_).status().code(), absl::StatusCode::kFailedPrecondition);
  auto writer = Open();
  ASSERT_NE(writer, nullptr);
  EXPECT_THAT(Stored(), ElementsAre("first", "second"));
  Append(*writer, Profile("a", 200, "x"), RequestId{"agent", 1}, Outcome::kAlreadyStored);
  ExpectWhole();
  writer.reset();
  EXPECT_NE(Open(), nullptr);
}

TEST(SeriesLabels, ComeBackFromTheirText) {
  profile::Labels labels = {{"service_name", "a\"b\\c\n"}, {"process", "\xE2\x82\xAC"}};
  EXPECT_EQ(*LabelsFromJson(LabelsToJson(labels)), labels);
  EXPECT_EQ(LabelsFromJson("[1]").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(LabelsFromJson("{\"a\":1}").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace sonde::store
