#include "agent/capture/saturation_files.h"

#include <gtest/gtest.h>

namespace sonde::capture {
namespace {

TEST(SaturationFiles, ReadEveryCpuOfProcStat) {
  auto cpus = ParseCpuTimes(
      "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 10 2 30 400 50 6 7 8 9 10\ncpu3 1 0 0 2 0 0 0 0 0 0 77\nintr 5 6\n", 100);
  ASSERT_TRUE(cpus.ok()) << cpus.status();
  ASSERT_EQ(cpus->size(), 2U);
  EXPECT_EQ(cpus->front().busy_ns, 550'000'000U);
  EXPECT_EQ(cpus->front().idle_ns, 4'000'000'000U);
  EXPECT_EQ(cpus->front().iowait_ns, 500'000'000U);
  EXPECT_EQ(cpus->front().steal_ns, 80'000'000U);
  EXPECT_EQ(cpus->back().cpu, 3U);
}

TEST(SaturationFiles, RefuseWhatIsNoLineOfACpu) {
  for (const char* text : {"", "intr 5\n", "cpu0 1 2 3\n", "cpux 1 2 3 4 5 6 7 8\n", "cpu0 1 2 3 -4 5 6 7 8\n",
                           "cpu0 1 2 3 18446744073709551615 5 6 7 8\n"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseCpuTimes(text, 100).status())) << text;
  }
}

TEST(SaturationFiles, ReadPressureOfBothKinds) {
  auto pressure = ParsePressure(
      "io", "some avg10=0.29 avg60=1.50 avg300=2.00 total=660\nfull avg10=0.10 avg60=0 avg300=0 total=7 more=1\n");
  ASSERT_TRUE(pressure.ok()) << pressure.status();
  EXPECT_EQ(pressure->some.total_ns, 660'000U);
  EXPECT_DOUBLE_EQ(pressure->some.avg10, 0.29);
  EXPECT_DOUBLE_EQ(pressure->some.avg60, 1.5);
  EXPECT_DOUBLE_EQ(pressure->some.avg300, 2);
  EXPECT_EQ(pressure->full.total_ns, 7'000U);
}

TEST(SaturationFiles, ReadPressureOfKernelsThatTellOnlySome) {
  auto pressure = ParsePressure("cpu", "some avg10=0.29 avg60=1.50 avg300=2.00 total=660\n");
  ASSERT_TRUE(pressure.ok()) << pressure.status();
  EXPECT_EQ(pressure->full.total_ns, 0U);
}

TEST(SaturationFiles, RefuseWhatIsNoPressure) {
  for (const char* text : {"", "full avg10=0 avg60=0 avg300=0 total=5\n", "some avg10=0 avg60=0 avg300=0\n",
                           "some avg10=much avg60=0 avg300=0 total=1\n", "some total=99999999999999999999\n",
                           "some total=18446744073709551615\n"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParsePressure("cpu", text).status())) << text;
  }
}

TEST(SaturationFiles, ReadQuotasOfBothVersions) {
  EXPECT_DOUBLE_EQ(**ParseCpuMax("20000 100000\n"), 0.2);
  EXPECT_FALSE(ParseCpuMax("max 100000\n")->has_value());
  EXPECT_DOUBLE_EQ(**ParseCfsQuota("150000\n", "100000\n"), 1.5);
  EXPECT_FALSE(ParseCfsQuota("-1\n", "100000\n")->has_value());
  for (const char* text : {"", "20000", "20000 0", "x 100000", "-1 100000"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseCpuMax(text).status())) << text;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(ParseCfsQuota("", "100000").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseCfsQuota("100", "0").status()));
}

TEST(SaturationFiles, ReadCpuStatOfBothVersions) {
  auto first = ParseCpuStat("nr_periods 50\nnr_throttled 40\nthrottled_time 3000\nnr_bursts 0\nburst_time 0\n");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->periods, 50U);
  EXPECT_EQ(first->throttled_periods, 40U);
  EXPECT_EQ(first->throttled_ns, 3000U);
  auto second = ParseCpuStat("usage_usec 9\nuser_usec 5\nnr_periods 5\nnr_throttled 4\nthrottled_usec 3000\n");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->throttled_ns, 3'000'000U);
}

TEST(SaturationFiles, RefuseWhatIsNoCpuStat) {
  for (const char* text : {"", "nr_periods 50\n", "nr_periods\nnr_throttled 40\nthrottled_time 3\n",
                           "nr_periods 5\nnr_throttled 4\nthrottled_usec 99999999999999999999\n"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseCpuStat(text).status())) << text;
  }
}

TEST(SaturationFiles, FindTheHierarchyWithTheCpuController) {
  constexpr char kUnified[] = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
  constexpr char kHybrid[] =
      "31 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
      "33 23 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
      "32 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n";
  EXPECT_EQ(FindQuotaTree(kUnified)->root, "/sys/fs/cgroup");
  EXPECT_FALSE(FindQuotaTree(kUnified)->is_v1);
  EXPECT_EQ(FindQuotaTree(kHybrid)->root, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_TRUE(FindQuotaTree(kHybrid)->is_v1);
  for (const char* text : {"", "1 2 3\n", "1 2 0:3 / /proc rw - proc proc rw\n", "a b - cgroup x cpu\n", " - \n"}) {
    EXPECT_FALSE(FindQuotaTree(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace sonde::capture
