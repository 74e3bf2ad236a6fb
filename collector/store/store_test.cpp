#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "collector/store/reader.h"
#include "collector/store/schema.h"
#include "collector/store/series_labels.h"
#include "collector/store/writer.h"

namespace sonde::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr TimeRange kAlways = {0, 1'000'000};

NewProfile Profile(const std::string& service, int64_t start_ns, const std::string& bytes) {
  return {.kind = "wall",
          .labels = {{"service_name", service}},
          .start_unix_ns = start_ns,
          .duration_ns = 60,
          .pprof_gz = bytes};
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
    auto reader = Reader::Open(directory_);
    EXPECT_TRUE(reader.ok()) << reader.status();
    auto series = reader->ListSeries(kind, range);
    EXPECT_TRUE(series.ok()) << series.status();
    for (const Series& one : *series) {
      auto keep = [&all](std::string_view bytes) { return all.emplace_back(bytes), absl::OkStatus(); };
      EXPECT_TRUE(reader->Visit(one.id, range, keep).ok());
    }
    return all;
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
  auto series = Reader::Open(directory_)->ListSeries("", kAlways);
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
  EXPECT_EQ(Reader::Open(directory_)->ListSeries("", kAlways)->size(), 1U);
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
  std::vector<NewProfile> request = {Profile("a", 2, "half"), Profile("a", 3, std::string(1 << 20, 'x'))};
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

TEST(SeriesLabels, ComeBackFromTheirText) {
  profile::Labels labels = {{"service_name", "a\"b\\c\n"}, {"process", "\xE2\x82\xAC"}};
  EXPECT_EQ(*LabelsFromJson(LabelsToJson(labels)), labels);
  EXPECT_EQ(LabelsFromJson("[1]").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(LabelsFromJson("{\"a\":1}").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace sonde::store
