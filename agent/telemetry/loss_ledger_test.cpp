#include "agent/telemetry/loss_ledger.h"

#include <gtest/gtest.h>

namespace sonde::telemetry {
namespace {

TEST(LossLedger, SumsEqualCausesAndKeepsOthersApart) {
  LossLedger ledger;
  ledger.Add("ring_full", "stack", "names missing", 2);
  ledger.Add("ring_full", "stack", "names missing", 3);
  ledger.Add("map_full", "stack", "names missing", 1);
  ledger.Add("map_full", "account", "time missing", 0);
  auto losses = ledger.Snapshot();
  ASSERT_EQ(losses.size(), 2U);
  EXPECT_EQ(losses[0].cause, "map_full");
  EXPECT_EQ(losses[1].count, 5U);
}

TEST(LossLedger, TellsWhatAnIntervalLost) {
  LossLedger ledger;
  ledger.Add("ring_full", "stack", "", 2);
  auto before = ledger.Snapshot();
  ledger.Add("ring_full", "stack", "", 5);
  auto delta = LossesSince(before, ledger.Snapshot());
  ASSERT_EQ(delta.size(), 1U);
  EXPECT_EQ(delta[0].count, 5U);
  EXPECT_TRUE(LossesSince(before, before).empty());
}

}  // namespace
}  // namespace sonde::telemetry
