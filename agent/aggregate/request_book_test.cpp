#include "agent/aggregate/request_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::aggregate {
namespace {

using model::RequestOperation;
using testing::IsEmpty;
using testing::SizeIs;

constexpr model::DeviceNumber kDisk = 254U << model::kDeviceMinorBits;
constexpr model::StackId kStack{100, 1};

model::ProcessInfoPtr Process(uint32_t tgid, const std::string& name) {
  auto info = std::make_shared<model::ProcessInfo>();
  info->tgid = tgid;
  info->labels[profile::kProcess] = name;
  return info;
}

model::RawRequests Requests(uint32_t tgid, model::StackId stack, uint64_t count, uint64_t ns) {
  model::RawRequests requests{
      .tgid = tgid, .stack = stack, .device = kDisk, .operation = RequestOperation::kRead, .sums = {}};
  requests.sums.count = count;
  requests.sums.ns = ns;
  requests.sums.queue_ns = ns / 4;
  requests.sums.device_ns = ns - ns / 4;
  requests.sums.bytes = count * 4096;
  requests.sums.lengths.counts[5] = count;
  requests.sums.lengths.longest_ns = ns;
  return requests;
}

model::Slice SliceOf(std::vector<model::RawRequests> requests) {
  model::Slice slice;
  slice.disks.ns = 1'000'000'000;
  slice.disks.requests = std::move(requests);
  slice.processes = {
      {0, Process(0, "swapper")}, {10, Process(10, "db")}, {11, Process(11, "db")}, {20, Process(20, "web")}};
  auto stack = std::make_shared<model::RawStack>();
  stack->process = slice.processes.at(10);
  stack->kernel = {0xffffffff81000000};
  slice.stacks[kStack] = stack;
  return slice;
}

TEST(RequestBook, ProcessesOfOneNameAreOneRow) {
  RequestBook book;
  book.Add(SliceOf({Requests(10, kStack, 2, 800), Requests(11, kStack, 1, 400), Requests(20, kStack, 5, 100)}));
  book.Add(SliceOf({Requests(10, kStack, 1, 1000)}));
  EXPECT_EQ(book.DurationNs(), 2'000'000'000U);
  const RequestBook::Rows all = book.AllRows();
  ASSERT_THAT(all.rows, SizeIs(2));
  const RequestBook::Row& row = all.batch.processes[all.rows[0].process] == "db" ? all.rows[0] : all.rows[1];
  EXPECT_EQ(all.batch.processes[row.process], "db");
  EXPECT_EQ(row.sums.count, 4U);
  EXPECT_EQ(row.sums.ns, 2200U);
  EXPECT_EQ(row.sums.queue_ns, 550U);
  EXPECT_EQ(row.sums.device_ns, 1650U);
  EXPECT_EQ(row.sums.bytes, 4U * 4096);
  EXPECT_EQ(row.sums.lengths.counts[5], 4U);
  EXPECT_EQ(row.sums.lengths.longest_ns, 1000U);
}

TEST(RequestBook, OneProcessAloneIsShownWhenAsked) {
  RequestBook book;
  book.Add(SliceOf({Requests(10, kStack, 2, 800), Requests(11, kStack, 1, 400)}));
  const RequestBook::Rows one = book.AllRows(11);
  ASSERT_THAT(one.rows, SizeIs(1));
  EXPECT_EQ(one.rows[0].sums.ns, 400U);
}

TEST(RequestBook, KindsOfRequestsAreRowsOfTheirOwn) {
  model::RawRequests write = Requests(10, kStack, 1, 10), background = write, elsewhere = write;
  write.operation = background.operation = RequestOperation::kWrite;
  write.is_sync = true;
  elsewhere.device = 7;
  RequestBook book;
  book.Add(SliceOf({Requests(10, kStack, 1, 10), write, background, elsewhere}));
  EXPECT_THAT(book.AllRows().rows, SizeIs(4));
}

TEST(RequestBook, WhatIsWrittenBackForAProcessIsNotWhatItAskedForItself) {
  model::RawRequests asked = Requests(10, kStack, 1, 10), written_back = asked, at_several = asked;
  written_back.origin = at_several.origin = model::RequestOrigin::kWrittenBack;
  at_several.stack = model::kStackSeveral;
  RequestBook book;
  book.Add(SliceOf({asked, written_back, at_several}));
  const RequestBook::Rows all = book.AllRows();
  ASSERT_THAT(all.rows, SizeIs(3));
  for (const RequestBook::Row& row : all.rows) EXPECT_EQ(all.batch.processes[row.process], "db");
  EXPECT_EQ(book.Seen(kDisk, RequestOperation::kRead).count, 3U);
}

TEST(RequestBook, WhoMadeARequestBeforeTheMeasurementIsNobody) {
  RequestBook book;
  book.Add(SliceOf({Requests(0, model::kStackUnseen, 3, 30)}));
  const RequestBook::Rows all = book.AllRows();
  ASSERT_THAT(all.rows, SizeIs(1));
  EXPECT_EQ(all.batch.processes[all.rows[0].process], "");
  EXPECT_EQ(book.Seen(kDisk, RequestOperation::kRead).count, 3U);
}

TEST(RequestBook, SeenIsTheSumOverEverybody) {
  RequestBook book;
  book.Add(SliceOf({Requests(10, kStack, 2, 800), Requests(20, kStack, 5, 100)}));
  EXPECT_EQ(book.Seen(kDisk, RequestOperation::kRead).count, 7U);
  EXPECT_EQ(book.Seen(kDisk, RequestOperation::kRead).ns, 900U);
  EXPECT_EQ(book.Seen(kDisk, RequestOperation::kWrite).count, 0U);
  EXPECT_EQ(book.Seen(kDisk + 1, RequestOperation::kRead).count, 0U);
}

TEST(RequestBook, WhatIsUnderWayIsThatOfTheLastSlice) {
  model::RawRequests hung = Requests(10, kStack, 0, 0);
  hung.sums.under_way = 1;
  hung.sums.lengths.longest_ns = 5000;
  RequestBook book;
  book.Add(SliceOf({hung}));
  hung.sums.lengths.longest_ns = 9000;
  book.Add(SliceOf({hung}));
  const RequestBook::Rows all = book.AllRows();
  ASSERT_THAT(all.rows, SizeIs(1));
  EXPECT_EQ(all.rows[0].sums.under_way, 1U);
  EXPECT_EQ(all.rows[0].sums.lengths.longest_ns, 9000U);
  book.Add(SliceOf({}));
  EXPECT_THAT(book.AllRows().rows, IsEmpty());
}

TEST(RequestBook, TheKernelsBooksAddUpBySlices) {
  model::Slice slice = SliceOf({});
  model::DiskActivity& disk = slice.disks.disks.emplace_back();
  disk.device = kDisk;
  disk.read = {.requests = 2, .merged = 0, .bytes = 8192, .ns = 30};
  disk.busy_ns = 20;
  disk.under_way = 4;
  RequestBook book;
  book.Add(slice);
  slice.disks.disks[0].under_way = 1;
  book.Add(slice);
  const std::vector<model::DiskActivity> disks = book.Disks();
  ASSERT_THAT(disks, SizeIs(1));
  EXPECT_EQ(disks[0].read.requests, 4U);
  EXPECT_EQ(disks[0].read.bytes, 16384U);
  EXPECT_EQ(disks[0].read.ns, 60U);
  EXPECT_EQ(disks[0].busy_ns, 40U);
  EXPECT_EQ(disks[0].under_way, 1U);
}

}  // namespace
}  // namespace sonde::aggregate
