#include "agent/app/top_report.h"

#include <gtest/gtest.h>

#include "agent/symbolize/batch_for_test.h"

namespace sonde::app {
namespace {

using symbolize::FileForTest;

constexpr uint64_t kMillisecondNs = 1'000'000;

aggregate::RowSum WaitsOf(uint64_t count, uint64_t each_ns) {
  aggregate::RowSum waits = {.count = count, .ns = count * each_ns, .lengths = {}};
  waits.lengths.counts[12] = count;  // 2 to 4 ms
  waits.lengths.longest_ns = each_ns;
  return waits;
}

// Two waits: at [leaf] below [loop], and at [other] below [loop], which calls itself there.
aggregate::Window::Waits TwoWaits() {
  aggregate::Window::Waits waits;
  std::vector<model::ExecutableFilePtr> files;
  for (const char* name : {"[leaf]", "[loop]", "[other]"}) files.push_back(FileForTest(model::CodeKind::kMarker, name));
  waits.batch = symbolize::BatchForTest(files, {{0, 0}, {1, 0}}, profile::Reason::kDisk, profile::Kind::kOffCpu);
  waits.batch.stacks.push_back({{2, 0}, {1, 0}, {1, 0}});
  waits.batch.samples.push_back(waits.batch.samples[0]);
  waits.batch.samples[1].stack = 1;
  for (const auto& sums : {WaitsOf(3, 2 * kMillisecondNs), WaitsOf(5, 3 * kMillisecondNs)}) {
    model::UnwoundSample& sample = waits.batch.samples[waits.lengths.size()];
    sample.count = sums.count;
    sample.ns = sums.ns;
    waits.lengths.push_back(sums.lengths);
  }
  return waits;
}

TEST(TopReport, TellsHowLongTheWaitsBelowEachFunctionWere) {
  telemetry::LossLedger losses;
  symbolize::NameWorker worker{symbolize::NameWorker::Options()};
  symbolize::Symbolizer symbolizer(&worker, &losses);
  const std::vector<aggregate::Window::Waits> groups = {TwoWaits()};
  control::v1::TopReply reply;
  ReportTop(symbolizer.Symbolize(groups[0].batch).pprof, {}, &reply);
  AddLengthsOfWaits(groups, &symbolizer, &reply);

  ASSERT_EQ(reply.rows_size(), 3);
  EXPECT_EQ(reply.total_ns(), 21 * static_cast<int64_t>(kMillisecondNs));
  for (const control::v1::TopRow& row : reply.rows()) {
    const bool is_loop = row.function() == "[loop]", is_leaf = row.function() == "[leaf]";
    EXPECT_EQ(row.count(), is_loop ? 8U : is_leaf ? 3U : 5U) << row.function();
    EXPECT_EQ(row.longest_ns(), (is_leaf ? 2 : 3) * kMillisecondNs) << row.function();
    EXPECT_GE(row.p50_ns(), kMillisecondNs) << row.function();
    EXPECT_LE(row.p50_ns(), row.longest_ns()) << row.function();
  }
}

TEST(TopReport, TellsOfFaultsWhatTheyBroughtAndHowManyTheyWere) {
  telemetry::LossLedger losses;
  symbolize::NameWorker worker{symbolize::NameWorker::Options()};
  symbolize::Symbolizer symbolizer(&worker, &losses);
  model::ProfileBatch batch = TwoWaits().batch;
  batch.kind = profile::Kind::kFaults;
  batch.samples[0].bytes = 3 * 4096;
  batch.samples[1].bytes = 2 << 20;
  control::v1::TopRequest request;
  request.set_kind("faults");
  control::v1::TopReply reply;
  ReportTop(symbolizer.Symbolize(batch).pprof, request, &reply);
  EXPECT_EQ(reply.total_bytes(), (2 << 20) + 3 * 4096);
  EXPECT_EQ(reply.total_count(), 8U);
  EXPECT_EQ(reply.total_ns(), 0);
  ASSERT_EQ(reply.rows_size(), 3);
  EXPECT_EQ(reply.rows(0).function(), "[other]");
  EXPECT_EQ(reply.rows(0).self_bytes(), 2 << 20);
  EXPECT_EQ(reply.rows(0).count(), 5U);
  EXPECT_EQ(reply.rows(2).function(), "[loop]");
  EXPECT_EQ(reply.rows(2).self_bytes(), 0);
  EXPECT_EQ(reply.rows(2).total_bytes(), reply.total_bytes());
  EXPECT_EQ(reply.rows(2).count(), 8U);
}

TEST(TopReport, KeepsAsManyFunctionsAsAreWanted) {
  telemetry::LossLedger losses;
  symbolize::NameWorker worker{symbolize::NameWorker::Options()};
  symbolize::Symbolizer symbolizer(&worker, &losses);
  control::v1::TopRequest request;
  request.set_limit(1);
  control::v1::TopReply reply;
  ReportTop(symbolizer.Symbolize(TwoWaits().batch).pprof, request, &reply);
  ASSERT_EQ(reply.rows_size(), 1);
  EXPECT_EQ(reply.rows(0).function(), "[other]");
}

}  // namespace
}  // namespace sonde::app
