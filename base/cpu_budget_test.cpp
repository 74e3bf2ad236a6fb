#include "base/cpu_budget.h"

#include <gtest/gtest.h>

namespace sonde::base {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr CpuBudget::Limits kLimits{.burst_ns = 500 * kMs, .share = 0.25};

TEST(CpuBudget, LetsTheBurstGoAtOnce) {
  CpuBudget budget(kLimits, 0);
  budget.Spend(499 * kMs);
  EXPECT_EQ(budget.WaitNs(0), 0U);
}

TEST(CpuBudget, WaitsUntilTheShareHasPaidForWhatWasTooMuch) {
  CpuBudget budget(kLimits, 0);
  budget.Spend(600 * kMs);
  uint64_t wait = budget.WaitNs(0);
  EXPECT_NEAR(static_cast<double>(wait), 400.0 * kMs, 1.0 * kMs);
  EXPECT_GT(budget.WaitNs(wait / 2), 0U);
  EXPECT_EQ(budget.WaitNs(wait + 1), 0U);
}

TEST(CpuBudget, TakesItsShareOfALongTime) {
  CpuBudget budget(kLimits, 0);
  uint64_t now = 0, spent = 0;
  while (now < 100'000 * kMs) {
    if (uint64_t wait = budget.WaitNs(now); wait > 0) {
      now += wait;
      continue;
    }
    budget.Spend(30 * kMs);
    spent += 30 * kMs;
    now += 30 * kMs;
  }
  EXPECT_NEAR(static_cast<double>(spent), 25'500.0 * kMs, 100.0 * kMs);
}

TEST(CpuBudget, SavesNoMoreThanTheBurst) {
  CpuBudget budget(kLimits, 0);
  EXPECT_EQ(budget.WaitNs(1'000'000 * kMs), 0U);
  budget.Spend(501 * kMs);
  EXPECT_GT(budget.WaitNs(1'000'000 * kMs), 0U);
}

}  // namespace
}  // namespace sonde::base
