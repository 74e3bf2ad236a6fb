#include "profile/units.h"

#include <limits>

#include "gtest/gtest.h"

namespace sonde::profile {
namespace {

TEST(HumanDuration, KeepsThreeDigitsAndAUnit) {
  EXPECT_EQ(HumanDuration(0), "0 s");
  EXPECT_EQ(HumanDuration(999), "999 ns");
  EXPECT_EQ(HumanDuration(1'500), "1.50 µs");
  EXPECT_EQ(HumanDuration(45'670'000), "45.7 ms");
  EXPECT_EQ(HumanDuration(999'400'000), "999 ms");
  EXPECT_EQ(HumanDuration(999'600'000), "1.00 s");
  EXPECT_EQ(HumanDuration(9'999'000'000), "10.0 s");
  EXPECT_EQ(HumanDuration(125'000'000'000), "2 m 05 s");
  EXPECT_EQ(HumanDuration(3'600'000'000'000 * 30), "1 d 06 h");
  EXPECT_EQ(HumanDuration(-1'500), "-1.50 µs");
  EXPECT_EQ(HumanDuration(std::numeric_limits<int64_t>::min()), "-106751 d 23 h");
}

TEST(HumanBytes, UsesBinaryUnits) {
  EXPECT_EQ(HumanBytes(512), "512 B");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(64ull << 20), "64.0 MiB");
  EXPECT_EQ(HumanBytes(3ull << 40), "3.0 TiB");
}

TEST(HumanCount, GroupsThousands) {
  EXPECT_EQ(HumanCount(7), "7");
  EXPECT_EQ(HumanCount(1000), "1,000");
  EXPECT_EQ(HumanCount(123456), "123,456");
  EXPECT_EQ(HumanCount(1234567890), "1,234,567,890");
}

TEST(Percent, TellsLittleFromNothing) {
  EXPECT_EQ(Percent(1, 8), "12.5%");
  EXPECT_EQ(Percent(0, 8), "0.0%");
  EXPECT_EQ(Percent(1, 1e6), "<0.1%");
  EXPECT_EQ(Percent(-1, 1e6), ">-0.1%");
  EXPECT_EQ(Percent(-10, 100), "-10.0%");
  EXPECT_EQ(Percent(1, 0), "-");
}

}  // namespace
}  // namespace sonde::profile
