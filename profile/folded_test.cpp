#include "profile/folded.h"

#include <gtest/gtest.h>

#include "profile/written_profile_for_test.h"

namespace sonde::profile {
namespace {

TEST(Folded, HasOneLineAStackRootFirst) {
  EXPECT_EQ(WriteFolded(WrittenProfile(), -1, "web", ""),
            "web;main;</script><b a=\"1\" b='2'>: &\\ 500\n"
            "web;main;read;schedule_[k] 3000\n"
            "web;main;wait 1000\n");
}

TEST(Folded, PutsALabelsValueUnderTheRoot) {
  EXPECT_EQ(WriteFolded(WrittenProfile(), 0, "web", "reason"),
            "web;disk;main;read;schedule_[k] 2\n"
            "web;lock;main;</script><b a=\"1\" b='2'>: &\\ 1\n"
            "web;lock;main;wait 1\n");
}

TEST(Folded, MarksFramesThatAreInlinedIntoTheirCallers) {
  EXPECT_EQ(WriteFolded(InlinedProfile(), -1, "web", ""), "web;main;outer 3\nweb;main;outer;inner_[i];leaf_[i] 10\n");
}

}  // namespace
}  // namespace sonde::profile
