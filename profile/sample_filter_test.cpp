#include "profile/sample_filter.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "profile/folded.h"
#include "profile/pprof_file.h"
#include "profile/written_profile_for_test.h"

namespace sonde::profile {
namespace {

TEST(SampleFilter, KeepsWhatMatchesAndNoNameOfTheRest) {
  const absl::StatusOr<Pprof> disk = SamplesThatMatch(WrittenProfile(), *Selector::Parse("{reason=\"disk\"}"));
  ASSERT_TRUE(disk.ok()) << disk.status();
  EXPECT_EQ(WriteFolded(*disk, -1, "all", "reason"), "all;disk;main;read;schedule_[k] 3000\n");
  EXPECT_TRUE(Check(*disk).ok());
  EXPECT_EQ(std::ranges::count(disk->string_table(), "lock"), 0);
  EXPECT_EQ(std::ranges::count(disk->string_table(), kHostileName), 0);
  EXPECT_EQ(disk->duration_nanos(), WrittenProfile().duration_nanos());
}

TEST(SampleFilter, LeavesNothingWhereNothingMatches) {
  EXPECT_EQ(SamplesThatMatch(WrittenProfile(), *Selector::Parse("{reason=\"sleep\"}"))->sample_size(), 0);
}

}  // namespace
}  // namespace sonde::profile
