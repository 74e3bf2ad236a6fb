#include "agent/export/spool_index.h"

#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

TEST(SpoolIndex, FindsARecordInItsSegment) {
  SpoolIndex index;
  index.Add({.name = "a",
             .file_bytes = 30,
             .entries = {{.number = 3, .bytes = 10}, {.number = 5, .offset = 10, .bytes = 20}}});
  index.Append("b", {.number = 8, .bytes = 7});
  index.Append("b", {.number = 9, .offset = 7, .bytes = 8});
  EXPECT_EQ(index.Bytes(), 45u);
  for (uint64_t missing : {0, 2, 4, 6, 7, 10}) EXPECT_FALSE(index.Find(missing).has_value()) << missing;
  EXPECT_EQ(index.Find(5)->segment, "a");
  EXPECT_EQ(index.Find(5)->entry.offset, 10u);
  EXPECT_EQ(index.Find(9)->segment, "b");
  EXPECT_EQ(index.Segments().at(8).End(), 10u);
  index.Remove(3);
  EXPECT_FALSE(index.Find(5).has_value());
  EXPECT_EQ(index.Bytes(), 15u);
}

TEST(SpoolIndex, NamesSegmentsSoThatTheySortByNumber) {
  EXPECT_EQ(SpoolSegmentName(42), "00000000000000000042.spool");
  EXPECT_TRUE(IsSpoolSegmentName(SpoolSegmentName(~uint64_t{0})));
  EXPECT_LT(SpoolSegmentName(9), SpoolSegmentName(10));
  for (const char* other :
       {"cursor", "00000000000000000042.spool.new", "0000000000000000004x.spool", ".spool", "../42.spool"}) {
    EXPECT_FALSE(IsSpoolSegmentName(other)) << other;
  }
}

}  // namespace
}  // namespace sonde::exporting
