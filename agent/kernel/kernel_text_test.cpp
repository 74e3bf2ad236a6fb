#include "agent/kernel/kernel_text.h"

#include <gtest/gtest.h>

namespace sonde::kernel {
namespace {

TEST(KernelText, IsFoundBetweenItsSymbols) {
  const KernelText text = ParseKernelText(
      "ffffffff81000c60 T asm_exc_page_fault\nffffffff81000d40 T asm_common_interrupt\n"
      "ffffffff81000df0 T asm_sysvec_apic_timer_interrupt\nffffffff81000f70 T __irqentry_text_end\n"
      "ffffffff82000000 T _stext\nffffffff82000100 T __sched_text_start\nffffffff82000200 t __schedule\n"
      "ffffffff82000900 T __sched_text_end\n");
  EXPECT_EQ(text.scheduler.start, 0xffffffff82000100U);
  EXPECT_EQ(text.scheduler.end, 0xffffffff82000900U);
  EXPECT_EQ(text.interrupt_entries.start, 0xffffffff81000d40U);
  EXPECT_EQ(text.interrupt_entries.end, 0xffffffff81000f70U);
}

TEST(KernelText, IsEmptyWhenAddressesAreHiddenOrSymbolsMissing) {
  for (const char* kallsyms :
       {"", "0000000000000000 T __sched_text_start\n0000000000000000 T __sched_text_end\n",
        "0000000000000000 T asm_common_interrupt\n0000000000000000 T __irqentry_text_end\n",
        "ffffffff82000100 T __sched_text_start\n", " T __sched_text_start\nxx T __sched_text_end\n"}) {
    EXPECT_EQ(ParseKernelText(kallsyms).scheduler.end, 0U) << kallsyms;
    EXPECT_EQ(ParseKernelText(kallsyms).interrupt_entries.end, 0U) << kallsyms;
  }
}

}  // namespace
}  // namespace sonde::kernel
