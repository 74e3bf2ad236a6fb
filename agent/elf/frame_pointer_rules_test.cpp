#include "agent/elf/frame_pointer_rules.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "agent/elf/cfi_image_for_test.h"
#include "agent/elf/elf_file.h"
#include "agent/elf/unwind_compiler.h"
#include "agent/elf/unwind_table_for_test.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kBytesOfCode = 0x40000;
constexpr uint64_t kInTheGap = kBytesOfCode / 2;

// What the rule is in the middle of a quarter of a MiB between two functions with CFI, in which frame pointers are set
// up every so many bytes.
uint16_t RuleInGap(uint64_t bytes_a_set_up, CodeEffort effort) {
  std::vector<std::byte> built = ImageWithGapForTest(kBytesOfCode);
  constexpr std::array<unsigned char, 4> kSetUp = {0x55, 0x48, 0x89, 0xE5};
  for (uint64_t at = bytes_a_set_up; at + kSetUp.size() < kBytesOfCode; at += bytes_a_set_up)
    std::memcpy(built.data() + CfiImageForTest::kCodeOffset + at, kSetUp.data(), kSetUp.size());
  auto file = ElfFile::Open(ByteSource(built));
  auto table = file.ok() ? CompileUnwindTable(*file, nullptr, effort) : file.status();
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? RuleAt(*table, CfiImageForTest::kCodeOffset + kInTheGap) : 0;
}

TEST(FramePointerRules, HoldWhereMuchCodeSetsUpFramePointers) {
  for (CodeEffort effort : {CodeEffort::kSoon, CodeEffort::kAll})
    EXPECT_EQ(RuleInGap(1000, effort), CommandRule(abi::UNWIND_FRAME_POINTER));
}

TEST(FramePointerRules, DoNotHoldWhereHardlyAnyCodeDoes) {
  EXPECT_EQ(RuleInGap(10'000, CodeEffort::kAll), CommandRule(abi::UNWIND_UNCOVERED));
}

}  // namespace
}  // namespace sonde::elf
