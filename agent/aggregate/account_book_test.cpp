#include "agent/aggregate/account_book.h"

#include <gtest/gtest.h>

namespace sonde::aggregate {
namespace {

model::Slice SliceWith(uint64_t start_ns, uint64_t end_ns, std::vector<model::ThreadAccount> threads) {
  model::Slice slice;
  slice.start_ns = start_ns;
  slice.end_ns = end_ns;
  slice.threads = std::move(threads);
  return slice;
}

model::ThreadAccount Thread(uint32_t tid, uint64_t started, uint64_t ended, profile::ReasonTimes ns) {
  return {.tgid = 1, .tid = tid, .comm = "t", .started_ns = started, .ended_ns = ended, .ns = ns};
}

TEST(AccountBook, CountsWallTimeOnlyWhileAThreadExisted) {
  AccountBook book;
  book.Add(SliceWith(100, 200, {Thread(1, 50, 0, {100, 0, 0}), Thread(2, 150, 180, {10, 10, 10})}));
  auto processes = book.Processes();
  ASSERT_EQ(processes.size(), 1U);
  EXPECT_EQ(processes[0].wall_ns, 130U);
  EXPECT_EQ(processes[0].threads, 2U);
  EXPECT_EQ(processes[0].UnexplainedNs(), 0);
}

TEST(AccountBook, CountsAThreadOfSeveralSlicesOnceAndAReusedIdTwice) {
  AccountBook book;
  book.Add(SliceWith(100, 200, {Thread(1, 50, 0, {100, 0, 0})}));
  book.Add(SliceWith(200, 300, {Thread(1, 50, 250, {50, 0, 0}), Thread(1, 260, 0, {40, 0, 0})}));
  EXPECT_EQ(book.Processes()[0].threads, 2U);
  EXPECT_EQ(book.Processes()[0].wall_ns, 190U);
}

TEST(AccountBook, CountsThreadsOfWhichOnlyTheSumIsKnownOnceEach) {
  AccountBook book;
  model::Slice first = SliceWith(100, 200, {Thread(1, 50, 0, {100, 0, 0})}), second = SliceWith(200, 300, {});
  first.ended_threads = {{.tgid = 1, .threads = 3, .begun = 1, .wall_ns = 90, .ns = {40, 50}}};
  second.ended_threads = {{.tgid = 1, .threads = 2, .begun = 1, .wall_ns = 60, .ns = {60}},
                          {.tgid = 2, .threads = 1, .begun = 1, .wall_ns = 5, .ns = {5}}};
  book.Add(first);
  book.Add(second);
  auto processes = book.Processes();
  ASSERT_EQ(processes.size(), 2U);
  EXPECT_EQ(processes[0].threads, 5U) << "thread 1 ended in the second slice";
  EXPECT_EQ(processes[0].wall_ns, 250U);
  EXPECT_EQ(processes[0].UnexplainedNs(), 0);
  EXPECT_EQ(processes[1].threads, 1U);
  EXPECT_EQ(book.Threads(), 6U);
  EXPECT_EQ(book.ThreadSums().size(), 1U);
}

TEST(AccountBook, SumsTheWaitsOfAProcessOverStacksAndSlices) {
  model::Slice slice = SliceWith(0, 100, {});
  model::WaitLengths once;
  once.counts[3] = 1;
  once.longest_ns = 3000;
  slice.samples = {{1, profile::Reason::kPipe, {1, 1}, 1, 10, model::kNoSyscall, once},
                   {1, profile::Reason::kPipe, {2, 1}, 1, 10, model::kNoSyscall, once},
                   {2, profile::Reason::kPipe, {1, 1}, 1, 10, model::kNoSyscall, once},
                   {1, profile::Reason::kOnCpu, {1, 1}, 99, 10}};
  AccountBook book;
  book.Add(slice);
  book.Add(slice);
  EXPECT_EQ(book.WaitsOf(1).Of(profile::Reason::kPipe).count, 4U);
  EXPECT_EQ(book.WaitsOf(1).Of(profile::Reason::kPipe).lengths.counts[3], 4U);
  EXPECT_EQ(book.WaitsOf(1).Of(profile::Reason::kOnCpu).count, 0U) << "samples are no waits";
  EXPECT_EQ(book.WaitsOf(2).Of(profile::Reason::kPipe).lengths.longest_ns, 3000U);
  EXPECT_EQ(book.WaitsOf(3).Of(profile::Reason::kPipe).count, 0U);
}

TEST(AccountBook, TellsTheShareOfTimeThatNothingExplains) {
  AccountBook book;
  book.Add(SliceWith(0, 100, {Thread(1, 0, 0, {60, 30, 0})}));
  EXPECT_DOUBLE_EQ(book.UnexplainedRatio(), 0.1);
}

}  // namespace
}  // namespace sonde::aggregate
