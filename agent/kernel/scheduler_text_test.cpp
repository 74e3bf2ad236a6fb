#include "agent/kernel/scheduler_text.h"

#include <gtest/gtest.h>

namespace sonde::kernel {
namespace {

TEST(SchedulerText, IsFoundBetweenItsTwoSymbols) {
  SchedulerText text = ParseSchedulerText(
      "ffffffff81000000 T _stext\nffffffff82000100 T __sched_text_start\nffffffff82000200 t __schedule\n"
      "ffffffff82000900 T __sched_text_end\n");
  EXPECT_EQ(text.start, 0xffffffff82000100U);
  EXPECT_EQ(text.end, 0xffffffff82000900U);
}

TEST(SchedulerText, IsEmptyWhenAddressesAreHiddenOrSymbolsMissing) {
  for (const char* kallsyms :
       {"", "0000000000000000 T __sched_text_start\n0000000000000000 T __sched_text_end\n",
        "ffffffff82000100 T __sched_text_start\n", " T __sched_text_start\nxx T __sched_text_end\n"}) {
    EXPECT_EQ(ParseSchedulerText(kallsyms).end, 0U) << kallsyms;
  }
}

}  // namespace
}  // namespace sonde::kernel
