#include "agent/elf/build_id.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <vector>

namespace sonde::elf {
namespace {

std::span<const std::byte> Bytes(const std::vector<uint32_t>& words) { return std::as_bytes(std::span(words)); }
constexpr uint32_t kGnu = 0x00554e47;

TEST(BuildId, IsLowerCaseHexOfTheGnuNote) {
  EXPECT_EQ(FindBuildId(Bytes({4, 4, NT_GNU_BUILD_ID, kGnu, 0xEFBEADDE})), "deadbeef");
}

TEST(BuildId, IsFoundBehindOtherNotes) {
  EXPECT_EQ(FindBuildId(Bytes({4, 5, NT_GNU_ABI_TAG, kGnu, 0, 0, 4, 4, NT_GNU_BUILD_ID, kGnu, 0x04030201})),
            "01020304");
}

TEST(BuildId, IsEmptyForForeignNamesAndSizesOutOfBounds) {
  EXPECT_EQ(FindBuildId(Bytes({4, 4, NT_GNU_BUILD_ID, 0x00584e47, 1})), "");
  EXPECT_EQ(FindBuildId(Bytes({4, 2, NT_GNU_BUILD_ID, kGnu, 1})), "");
  EXPECT_EQ(FindBuildId(Bytes({4, 0xFFFFFFFF, NT_GNU_BUILD_ID, kGnu, 1})), "");
  EXPECT_EQ(FindBuildId(Bytes({0xFFFFFFFF, 0xFFFFFFFF, NT_GNU_BUILD_ID, kGnu, 1})), "");
  EXPECT_EQ(FindBuildId({}), "");
}

}  // namespace
}  // namespace sonde::elf
