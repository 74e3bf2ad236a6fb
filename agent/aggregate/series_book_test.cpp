#include "agent/aggregate/series_book.h"

#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "agent/aggregate/window.h"

namespace sonde::aggregate {
namespace {

using profile::Labels;
using Action = profile::RelabelAction;

// Processes 1 to n, each with a service of its own, on a CPU for as many seconds as its number says.
class SeriesBookTest : public testing::Test {
 protected:
  void AddProcesses(uint32_t count) {
    for (uint32_t tgid = 1; tgid <= count; ++tgid) {
      auto process = std::make_shared<model::ProcessInfo>();
      process->labels = {{"service_name", absl::StrCat("s", tgid)}, {"process", "p"}, {"node", "n"}};
      process->meta = {{"__meta_process_name", "p"}};
      slice_.processes[tgid] = process;
      model::ThreadAccount thread;
      thread.tgid = thread.tid = tgid;
      thread.started_ns = 1;
      thread.ended_ns = 1 + tgid * kSecond;
      profile::At(thread.ns, profile::Reason::kOnCpu) = tgid * kSecond;
      slice_.threads.push_back(thread);
      slice_.samples.push_back({tgid, profile::Reason::kOnCpu, model::kStackLost, 1, kSecond});
    }
  }
  SeriesBook Book(std::vector<profile::RelabelRule> relabel, size_t max_series = 100) {
    slice_.start_ns = 1;
    slice_.end_ns = 1 + 1'000 * kSecond;
    window_.Add(slice_);
    return SeriesBook({.relabeler = *profile::Relabeler::Compile(std::move(relabel)), .max_series = max_series},
                      window_.Accounts(), window_.Processes());
  }

  static constexpr uint64_t kSecond = 1'000'000'000;
  model::Slice slice_;
  Window window_;
};

TEST_F(SeriesBookTest, LeavesProcessToTheSamples) {
  AddProcesses(1);
  const SeriesBook book = Book({});
  EXPECT_EQ(*book.SeriesOf(1), (Labels{{"service_name", "s1"}, {"node", "n"}}));
  EXPECT_EQ(book.SeriesOf(2), nullptr);
  EXPECT_EQ(book.Series(), 1U);
}

TEST_F(SeriesBookTest, RelabelsByWhatIsKnownBeside) {
  AddProcesses(2);
  const SeriesBook book = Book({{.source_labels = {"__meta_process_name"}, .target_label = "service_name"}});
  EXPECT_EQ(book.SeriesOf(1)->at("service_name"), "p");
  EXPECT_EQ(book.Series(), 1U);
  const auto batches = window_.Batches(profile::Kind::kCpu, book);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0].labels, (Labels{{"service_name", "p"}, {"node", "n"}}));
}

TEST_F(SeriesBookTest, KeepsWhatARuleDropsOutOfEverySeriesButInTheAccount) {
  AddProcesses(2);
  const SeriesBook book = Book({{.target_label = "x", .replacement = "y"},
                                {.action = Action::kDrop, .source_labels = {"service_name"}, .regex = "s2"}});
  EXPECT_EQ(book.SeriesOf(2), nullptr);
  EXPECT_EQ(book.Find(2)->dropped_by, 1U);
  const auto batches = window_.Batches(profile::Kind::kCpu, book);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0].labels.at("service_name"), "s1");
  EXPECT_EQ(window_.Accounts().Processes().size(), 2U);
  EXPECT_EQ(window_.Batches(profile::Kind::kCpu).size(), 2U);
}

TEST_F(SeriesBookTest, FoldsWhatIsBeyondTheLimitAndKeepsTheBusiest) {
  AddProcesses(10);
  const SeriesBook book = Book({}, 4);
  EXPECT_EQ(book.Series(), 4U);
  EXPECT_EQ(book.FoldedProcesses(), 7U);
  for (uint32_t tgid : {8, 9, 10}) EXPECT_EQ(book.SeriesOf(tgid)->at("service_name"), absl::StrCat("s", tgid));
  EXPECT_EQ(*book.SeriesOf(7), (Labels{{"service_name", kBeyondLimit}, {"node", "n"}}));
  const auto batches = window_.Batches(profile::Kind::kCpu, book);
  EXPECT_EQ(batches.size(), 4U);
  uint64_t ns = 0;
  for (const auto& batch : batches) {
    for (const auto& sample : batch.samples) ns += sample.ns;
  }
  EXPECT_EQ(ns, 10 * kSecond);
}

TEST_F(SeriesBookTest, FoldsNothingThatFits) {
  AddProcesses(3);
  EXPECT_EQ(Book({}, 4).FoldedProcesses(), 0U);
}

}  // namespace
}  // namespace sonde::aggregate
