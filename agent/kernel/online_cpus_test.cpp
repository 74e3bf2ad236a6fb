#include "agent/kernel/online_cpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::kernel {
namespace {

TEST(CpuList, ExpandsRangesAndSingles) {
  EXPECT_THAT(*ParseCpuList("0-3,6\n"), testing::ElementsAre(0, 1, 2, 3, 6));
  EXPECT_THAT(*ParseCpuList("0"), testing::ElementsAre(0));
}

TEST(CpuList, RefusesWhatTheKernelWouldNotWrite) {
  for (const char* text : {"", "x", "3-1", "1-", "-1", "0-999999999", "1,,2"}) {
    EXPECT_FALSE(ParseCpuList(text).ok()) << text;
  }
}

TEST(CpuList, FindsTheCpuThatRunsThisTest) { EXPECT_FALSE(OnlineCpus()->empty()); }

}  // namespace
}  // namespace sonde::kernel
