#include "agentctl/units.h"

#include "gtest/gtest.h"

namespace sonde::agentctl {
namespace {

TEST(ParseInterval, TakesDurationsUpToTenMinutes) {
  EXPECT_EQ(ParseInterval("10s").value(), absl::Seconds(10));
  EXPECT_EQ(ParseInterval("1m30s").value(), absl::Seconds(90));
  for (const char* wrong : {"", "10", "0s", "-1s", "601s", "inf", "ten"})
    EXPECT_FALSE(ParseInterval(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace sonde::agentctl
