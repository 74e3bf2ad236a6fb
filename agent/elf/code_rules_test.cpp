#include "agent/elf/code_rules.h"

#include <gtest/gtest.h>

#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "agent/elf/cfi_image_for_test.h"
#include "agent/elf/elf_image_for_test.h"
#include "agent/elf/unwind_compiler.h"
#include "agent/elf/unwind_table_for_test.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kFunction = 0x100;  // file offset, behind the headers
constexpr uint16_t kNothingKnown = CommandRule(abi::UNWIND_UNCOVERED);
constexpr uint16_t kByFramePointer = CommandRule(abi::UNWIND_FRAME_POINTER);

constexpr uint16_t RspPlus(unsigned words, unsigned rbp) {
  return static_cast<uint16_t>(words << UNWIND_RULE_CFA_SHIFT | rbp);
}

// A library without CFI that has this function of this name.
absl::StatusOr<UnwindTable> CompileFunction(const std::string& name, std::initializer_list<unsigned> code) {
  ElfImageForTest elf;
  elf.symtab = {{name, ElfImageForTest::kTextVaddr + kFunction, code.size()}};
  std::vector<std::byte> image = elf.Build();
  size_t at = kFunction;
  for (unsigned byte : code) image[at++] = static_cast<std::byte>(byte);
  auto file = ElfFile::Open(ByteSource(image));
  return file.ok() ? CompileUnwindTable(*file, nullptr) : file.status();
}

TEST(CodeRules, FollowFunctionsThatOnlySymbolsName) {
  // push rbp; mov rbp, rsp; leave; ret
  auto table = CompileFunction("function", {0x55, 0x48, 0x89, 0xE5, 0xC9, 0xC3});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(RuleAt(*table, kFunction), RspPlus(1, UNWIND_RBP_KEPT));
  EXPECT_EQ(RuleAt(*table, kFunction + 1), RspPlus(2, UNWIND_RBP_KEPT)) << "saved, and still in its register";
  EXPECT_EQ(RuleAt(*table, kFunction + 4), UNWIND_RULE_FROM_RBP | RspPlus(2, 2));
  EXPECT_EQ(RuleAt(*table, kFunction + 5), RspPlus(1, UNWIND_RBP_KEPT));
}

TEST(CodeRules, LeaveTheRestOfAFileWithoutCfiToFramePointers) {
  auto table = CompileFunction("function", {0xC3});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(RuleAt(*table, kFunction - 1), kByFramePointer);
}

TEST(CodeRules, DoNotFollowPartsThatAreJumpedToWithAnyFrame) {
  for (const char* name : {"function.cold", "function.cold.12"}) {
    auto table = CompileFunction(name, {0x55, 0xC3});
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(RuleAt(*table, kFunction), kNothingKnown) << name;
  }
  EXPECT_FALSE(IsSplitOff("cold_start"));
  EXPECT_FALSE(IsSplitOff("coldness"));
}

TEST(CodeRules, SayNothingOfWhatIsNoCode) {
  auto table = CompileFunction("table", {0x06, 0x06, 0x06});
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(RuleAt(*table, kFunction), kNothingKnown);
}

TEST(CodeRules, ComeLaterWhenTheyWouldTakeLong) {
  const std::vector<std::byte> built = ImageWithGapForTest(0x40000);
  auto file = ElfFile::Open(ByteSource(built));
  ASSERT_TRUE(file.ok()) << file.status();
  for (CodeEffort effort : {CodeEffort::kSoon, CodeEffort::kAll}) {
    auto table = CompileUnwindTable(*file, nullptr, effort);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(table->leaves_out_code, effort == CodeEffort::kSoon);
  }
}

}  // namespace
}  // namespace sonde::elf
