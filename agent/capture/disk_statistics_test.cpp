#include "agent/capture/disk_statistics.h"

#include <gtest/gtest.h>

namespace sonde::capture {
namespace {

constexpr char kText[] =
    " 254       0 vda 100 5 2048 30 200 6 4096 80 3 90 110 7 1 512 4 9 13\n"
    " 254       1 vda1 90 0 1024 20 0 0 0 0 0 20 20 0 0 0 0 0 0\n";

TEST(DiskStatistics, ReadsEveryFieldOfALine) {
  auto disks = ParseDiskStatistics(kText);
  ASSERT_TRUE(disks.ok()) << disks.status();
  ASSERT_EQ(disks->size(), 2U);
  const model::DiskActivity& disk = disks->front();
  EXPECT_EQ(disk.device, 254U << 20);
  EXPECT_EQ(disk.name, "vda");
  EXPECT_EQ(disk.read.requests, 100U);
  EXPECT_EQ(disk.read.merged, 5U);
  EXPECT_EQ(disk.read.bytes, 1U << 20);
  EXPECT_EQ(disk.read.ns, 30'000'000U);
  EXPECT_EQ(disk.write.requests, 200U);
  EXPECT_EQ(disk.write.ns, 80'000'000U);
  EXPECT_EQ(disk.under_way, 3U);
  EXPECT_EQ(disk.busy_ns, 90'000'000U);
  EXPECT_EQ(disk.weighted_ns, 110'000'000U);
  EXPECT_EQ(disk.discard.requests, 7U);
  EXPECT_EQ(disk.discard.bytes, 512U * 512);
  EXPECT_EQ(disk.flush.requests, 9U);
  EXPECT_EQ(disk.flush.ns, 13'000'000U);
  EXPECT_EQ(disks->back().device, 254U << 20 | 1);
}

TEST(DiskStatistics, ReadsLinesOfKernelsThatCountMore) {
  auto disks = ParseDiskStatistics("8 0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n");
  ASSERT_TRUE(disks.ok()) << disks.status();
  EXPECT_EQ(disks->front().flush.requests, 16U);
}

TEST(DiskStatistics, RefusesWhatIsNoLineOfIt) {
  for (const char* text : {"8 0 sda 1 2 3\n", "8 0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 many\n"}) {
    auto disks = ParseDiskStatistics(text);
    EXPECT_TRUE(absl::IsInvalidArgument(disks.status())) << text;
  }
}

TEST(DiskStatistics, OfTwoReadingsTheDifferenceWasDone) {
  auto before = ParseDiskStatistics(kText);
  auto after = ParseDiskStatistics(" 254 0 vda 101 5 2056 32 200 6 4096 80 1 95 130 7 1 512 4 10 15\n");
  ASSERT_TRUE(before.ok() && after.ok());
  const model::DiskActivity done = Difference(before->front(), after->front());
  EXPECT_EQ(done.read.requests, 1U);
  EXPECT_EQ(done.read.bytes, 4096U);
  EXPECT_EQ(done.read.ns, 2'000'000U);
  EXPECT_EQ(done.write.requests, 0U);
  EXPECT_EQ(done.flush.requests, 1U);
  EXPECT_EQ(done.busy_ns, 5'000'000U);
  EXPECT_EQ(done.weighted_ns, 20'000'000U);
  EXPECT_EQ(done.under_way, 1U);  // not since: now
  EXPECT_FALSE(IsIdle(done));
}

TEST(DiskStatistics, ADiskWithARequestThatDoesNotEndIsNotIdle) {
  model::DiskActivity disk;
  EXPECT_TRUE(IsIdle(disk));
  disk.under_way = 1;
  EXPECT_FALSE(IsIdle(disk));
}

}  // namespace
}  // namespace sonde::capture
