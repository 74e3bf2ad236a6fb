#include "agent/elf/go_rules.h"

#include <gtest/gtest.h>

#include <random>

#include "agent/elf/pclntab_for_test.h"
#include "agent/elf/unwind_compiler.h"
#include "agent/elf/unwind_table_for_test.h"

namespace sonde::elf {
namespace {

using Step = PclntabForTest::Step;

constexpr uint64_t kText = CfiImageForTest::kCodeVaddr + 0x40;
constexpr uint16_t kAtGoEntry = 1 << UNWIND_RULE_CFA_SHIFT;
constexpr uint16_t FrameOf(unsigned words) { return static_cast<uint16_t>(words << UNWIND_RULE_CFA_SHIFT | 2); }

// push rbp; mov rbp, rsp; sub rsp, 16; nop ...; add rsp, 16; pop rbp; ret
const ByteList kNewCode = {0x55, 0x48, 0x89, 0xE5, 0x48, 0x83, 0xEC, 0x10, 0x90,
                           0x90, 0x90, 0x90, 0x48, 0x83, 0xC4, 0x10, 0x5D, 0xC3};
const std::vector<Step> kNewSteps = {{1, 0}, {7, 8}, {8, 24}, {1, 8}, {1, 0}};
// sub rsp, 24; mov [rsp + 16], rbp; lea rbp, [rsp + 16]; nop; mov rbp, [rsp + 16]; add rsp, 24; ret
const ByteList kOldCode = {0x48, 0x83, 0xEC, 0x18, 0x48, 0x89, 0x6C, 0x24, 0x10, 0x48, 0x8D, 0x6C, 0x24,
                           0x10, 0x90, 0x48, 0x8B, 0x6C, 0x24, 0x10, 0x48, 0x83, 0xC4, 0x18, 0xC3};
const std::vector<Step> kOldSteps = {{4, 0}, {20, 24}, {1, 0}};

// A Go program of functions 32 bytes apart, enough of them ordinary to find its text by.
class GoProgram {
 public:
  explicit GoProgram(bool is_go118 = false) {
    table.is_go118 = is_go118;
    for (int i = 0; i < 10; ++i) Add("main.ordinary", is_go118 ? kOldCode : kNewCode, is_go118 ? kOldSteps : kNewSteps);
  }

  // Returns the function's address.
  uint64_t Add(const std::string& name, const ByteList& code, const std::vector<Step>& steps, uint8_t flags = 0) {
    auto begin = static_cast<uint32_t>(table.functions.size() * 32);
    table.functions.push_back({name, begin, begin + 32, steps, flags});
    image.PatchCode(kText + begin, code);
    return kText + begin;
  }

  void Compile(const char* section = ".gopclntab", bool with_section_headers = true) {
    CfiImageForTest whole = image;
    if (section != nullptr) whole.AddSection(section, table.Build());
    bytes = whole.Build(with_section_headers);
    auto file = ElfFile::Open(ByteSource(bytes));
    result = file.ok() ? CompileUnwindTable(*file, &statistics) : file.status();
  }

  uint16_t At(uint64_t vaddr) const { return RuleAt(*result, vaddr - CfiImageForTest::kBias); }

  PclntabForTest table;
  CfiImageForTest image;
  std::vector<std::byte> bytes;
  CompileStatistics statistics;
  absl::StatusOr<UnwindTable> result = absl::UnknownError("not compiled");
};

TEST(GoRules, FollowTheDeltasOfFunctionsThatPushRbp) {
  GoProgram program;
  program.Compile();
  ASSERT_TRUE(program.result.ok()) << program.result.status();
  EXPECT_EQ(program.At(kText), kAtGoEntry);
  EXPECT_EQ(program.At(kText + 1), FrameOf(2));
  EXPECT_EQ(program.At(kText + 8), FrameOf(4));
  EXPECT_EQ(program.At(kText + 16), FrameOf(2));
  EXPECT_EQ(program.At(kText + 17), kAtGoEntry);
  EXPECT_EQ(program.At(kText + 31), kAtGoEntry);  // padding
  EXPECT_EQ(program.At(kText - 1), CommandRule(abi::UNWIND_UNCOVERED));
  EXPECT_EQ(program.statistics.go_functions, 10U);
}

TEST(GoRules, KnowWhenOlderFunctionsHaveStoredRbp) {
  GoProgram program(/*is_go118=*/true);
  program.Compile(".data.rel.ro.gopclntab");
  ASSERT_TRUE(program.result.ok()) << program.result.status();
  EXPECT_EQ(program.At(kText + 3), kAtGoEntry);
  EXPECT_EQ(program.At(kText + 4), 4 << UNWIND_RULE_CFA_SHIFT);
  EXPECT_EQ(program.At(kText + 8), 4 << UNWIND_RULE_CFA_SHIFT);
  EXPECT_EQ(program.At(kText + 9), FrameOf(4));
  EXPECT_EQ(program.At(kText + 23), FrameOf(4));
  EXPECT_EQ(program.At(kText + 24), kAtGoEntry);
}

TEST(GoRules, DoNotTellRbpOfFramesThatAreNotGos) {
  GoProgram program;
  uint64_t assembly = program.Add("crypto.asm", {0x90, 0x48, 0x83, 0xEC, 0x10, 0x90}, {{5, 0}, {4, 16}, {1, 0}});
  program.Compile();
  ASSERT_TRUE(program.result.ok());
  EXPECT_EQ(program.At(assembly), kAtGoEntry);
  ASSERT_EQ(program.result->escapes.size(), 1U);
  EXPECT_EQ(program.result->escapes[0].flags, abi::UNWIND_RBP_UNKNOWN);
  EXPECT_EQ(program.result->escapes[0].cfa_offset, 24);
  EXPECT_EQ(program.At(assembly + 5) >> UNWIND_RULE_CFA_SHIFT, int{abi::UNWIND_COMMANDS});
}

TEST(GoRules, KnowRootsSignalsAndChangesOfStacks) {
  GoProgram program;
  const std::vector<Step> still = {{32, 0}};
  uint64_t goexit = program.Add("runtime.goexit", {}, still);
  uint64_t mstart = program.Add("runtime.mstart.abi0", {}, still);
  uint64_t systemstack = program.Add("runtime.systemstack", kNewCode, kNewSteps, PclntabForTest::kWritesSp);
  uint64_t no_frame = program.Add("runtime.asmcgocall", {}, still, PclntabForTest::kWritesSp);
  // mov rax, [rsp]; mov rsp, [rbx + 0x38]; call; ud2
  const ByteList leaves = {0x48, 0x8B, 0x04, 0x24, 0x48, 0x8B, 0x63, 0x38, 0xE8, 0, 0, 0, 0, 0x0F, 0x0B};
  uint64_t morestack = program.Add("runtime.morestack", leaves, still);
  uint64_t gogo = program.Add("runtime.gogo.abi0", leaves, still);
  uint64_t sigreturn = program.Add("runtime.sigreturn__sigaction", {}, still);
  program.Compile();
  ASSERT_TRUE(program.result.ok());
  EXPECT_EQ(program.At(goexit), CommandRule(abi::UNWIND_BOTTOM));
  EXPECT_EQ(program.At(mstart), CommandRule(abi::UNWIND_BOTTOM));
  EXPECT_EQ(program.At(systemstack), kAtGoEntry);
  EXPECT_EQ(program.At(systemstack + 1), FrameOf(2));
  EXPECT_EQ(program.At(systemstack + 4), CommandRule(abi::UNWIND_OTHER_STACK));
  EXPECT_EQ(program.At(systemstack + 16), CommandRule(abi::UNWIND_OTHER_STACK));
  EXPECT_EQ(program.At(systemstack + 17), kAtGoEntry);
  EXPECT_EQ(program.At(no_frame), CommandRule(abi::UNWIND_BAD_RULE));
  EXPECT_EQ(program.At(morestack + 4), kAtGoEntry);
  EXPECT_EQ(program.At(morestack + 8), CommandRule(abi::UNWIND_BOTTOM));
  EXPECT_EQ(program.At(morestack + 13), CommandRule(abi::UNWIND_BOTTOM));
  EXPECT_EQ(program.At(gogo), kAtGoEntry);
  EXPECT_EQ(program.At(gogo + 8), CommandRule(abi::UNWIND_BAD_RULE));
  EXPECT_EQ(program.At(sigreturn), CommandRule(abi::UNWIND_SIGNAL));
}

TEST(GoRules, FindTheTextByItsStatementOrByItsCode) {
  for (uint64_t stated : {uint64_t{0}, kText, kText + 8 * 32, uint64_t{0x1234}}) {
    GoProgram program;
    program.table.text_start = stated;
    program.Compile();
    ASSERT_TRUE(program.result.ok()) << stated;
    EXPECT_EQ(program.At(kText + 1), FrameOf(2)) << stated;
  }
}

TEST(GoRules, FindTheTableWithoutSectionHeaders) {
  GoProgram program;
  program.Compile(".gopclntab", /*with_section_headers=*/false);
  ASSERT_TRUE(program.result.ok()) << program.result.status();
  EXPECT_EQ(program.At(kText + 8), FrameOf(4));
}

TEST(GoRules, LeaveCodeAloneThatDoesNotFitTheTable) {
  GoProgram program;
  program.image = CfiImageForTest();
  program.Compile();
  EXPECT_EQ(program.result.status().code(), absl::StatusCode::kNotFound);
  GoProgram other;
  other.Compile(".rodata");  // has a table, but nothing says that it is Go
  EXPECT_EQ(other.result.status().code(), absl::StatusCode::kNotFound);
}

TEST(GoRules, YieldToCfi) {
  GoProgram program;
  CfiBytesForTest cfi(program.image.NextVaddr());
  cfi.Fde(cfi.UsualCie(), kText + 32, 32, {0x0E, 64});
  program.image.AddSection(".eh_frame", cfi.bytes);
  program.Compile();
  ASSERT_TRUE(program.result.ok());
  EXPECT_EQ(program.At(kText + 33), 8 << UNWIND_RULE_CFA_SHIFT);
  EXPECT_EQ(program.At(kText + 65), FrameOf(2));
}

TEST(HostilePclntab, ThatClaimsTooManyFunctionsIsRefused) {
  GoProgram program;
  std::vector<std::byte> table = program.table.Build();
  for (uint64_t count : {uint64_t{1} << 40, uint64_t{3'000'000}, ~uint64_t{0}}) {
    std::memcpy(table.data() + 8, &count, sizeof(count));
    CfiImageForTest image = program.image;
    image.AddSection(".gopclntab", table);
    std::vector<std::byte> bytes = image.Build();
    auto file = ElfFile::Open(ByteSource(bytes));
    ASSERT_TRUE(file.ok());
    EXPECT_FALSE(Pclntab::Read(*file).ok()) << count;
  }
}

TEST(HostilePclntab, ThatHasAFrameBeyondAllMemoryGivesABadRule) {
  GoProgram program;
  const uint64_t huge = program.Add("main.huge", kNewCode, {{1, 0}, {31, INT64_MAX}});
  program.Compile();
  ASSERT_TRUE(program.result.ok()) << program.result.status();
  EXPECT_EQ(program.At(huge), kAtGoEntry);
  EXPECT_EQ(program.At(huge + 1), CommandRule(abi::UNWIND_BAD_RULE));
  EXPECT_GE(program.statistics[BadRule::kCfaRange], 1U);
}

TEST(HostilePclntab, SurvivesEveryChangedByte) {
  GoProgram program;
  program.Add("runtime.goexit", {}, {{32, 0}});
  const std::vector<std::byte> original = program.table.Build();
  for (size_t at = 0; at < original.size(); ++at) {
    for (int value : {0x00, 0x01, 0x7F, 0x80, 0xFF}) {
      std::vector<std::byte> mutant = original;
      mutant[at] = static_cast<std::byte>(value);
      CfiImageForTest image = program.image;
      image.AddSection(".gopclntab", mutant);
      std::vector<std::byte> bytes = image.Build();
      auto file = ElfFile::Open(ByteSource(bytes));
      ASSERT_TRUE(file.ok());
      auto compiled = CompileUnwindTable(*file, nullptr);
      if (compiled.ok()) {
        EXPECT_LT(compiled->rows.size(), 1'000U);
      }
    }
  }
}

}  // namespace
}  // namespace sonde::elf
