#include "agent/capture/thread_accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::capture {
namespace {

using testing::IsEmpty;

ThreadExited Exit(uint32_t slice, uint64_t on_cpu_ns) {
  ThreadExited exited{.slice = slice, .account = {}, .group_comm = "", .has_previous = false, .previous = {}};
  exited.account.tid = 5;
  exited.account.ended_ns = 1000;
  exited.account.ns = {on_cpu_ns, 0, 0};
  return exited;
}

TEST(ThreadAccounts, GiveAThreadThatExitedInTheSliceOnce) {
  ThreadAccounts accounts;
  accounts.Add(Exit(1, 10));
  auto taken = accounts.Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].ended_ns, 1000U);
  EXPECT_THAT(accounts.Take(2), IsEmpty());
}

TEST(ThreadAccounts, SplitAThreadThatDiedBetweenTheBoundaryAndItsCollection) {
  ThreadAccounts accounts;
  ThreadExited exited = Exit(2, 10);
  exited.has_previous = true;
  exited.previous = {0, 0, 99};
  accounts.Add(std::move(exited));
  auto first = accounts.Take(1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].ns[2], 99U);
  EXPECT_EQ(profile::SumOf(first[0].ns), 99U);
  EXPECT_EQ(first[0].ended_ns, 0U);
  auto second = accounts.Take(2);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].ns[0], 10U);
}

TEST(ThreadAccounts, KeepAThreadOfTheNextSliceForIt) {
  ThreadAccounts accounts;
  accounts.Add(Exit(2, 10));
  EXPECT_THAT(accounts.Take(1), IsEmpty());
  EXPECT_EQ(accounts.Take(2).size(), 1U);
}

}  // namespace
}  // namespace sonde::capture
