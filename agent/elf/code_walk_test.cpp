#include "agent/elf/code_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <random>

#include "agent/elf/code_step.h"

namespace sonde::elf {
namespace {

class CodeWalkTest : public testing::Test {
 protected:
  void Follow(std::initializer_list<unsigned> code) {
    bytes_.clear();
    for (unsigned byte : code) bytes_.push_back(static_cast<std::byte>(byte));
    changes_ = walk_.Follow(bytes_);
  }
  // What holds at an offset.
  std::optional<CodeFrame> At(uint32_t offset) const {
    std::optional<CodeFrame> frame;
    for (const FrameChange& change : changes_) {
      if (change.begin <= offset) frame = change.frame;
    }
    return frame;
  }
  int32_t RspAt(uint32_t offset) const { return At(offset).value_or(CodeFrame{.rsp = -1}).rsp; }

  CodeWalk walk_;
  std::vector<std::byte> bytes_;
  std::span<const FrameChange> changes_;
};

TEST_F(CodeWalkTest, FollowsPushesAndRoomForLocals) {
  // push rbx; sub rsp, 32; add rsp, 32; pop rbx; ret
  Follow({0x53, 0x48, 0x83, 0xEC, 0x20, 0x48, 0x83, 0xC4, 0x20, 0x5B, 0xC3});
  EXPECT_EQ(RspAt(0), 8);
  EXPECT_EQ(RspAt(1), 16);
  EXPECT_EQ(RspAt(5), 48);
  EXPECT_EQ(RspAt(9), 16);
  EXPECT_EQ(RspAt(10), 8);
  EXPECT_TRUE(At(5)->is_rbp_kept);
}

TEST_F(CodeWalkTest, KnowsWhereAFramePointersPredecessorIsSaved) {
  // push rbp; mov rbp, rsp; and rsp, -32; nop; leave; ret
  Follow({0x55, 0x48, 0x89, 0xE5, 0x48, 0x83, 0xE4, 0xE0, 0x90, 0xC9, 0xC3});
  EXPECT_EQ(At(1), (CodeFrame{.rsp = 16, .saved_rbp = 16}));
  EXPECT_EQ(At(4), (CodeFrame{.rsp = 16, .rbp = 16, .saved_rbp = 16, .is_rbp_kept = false}));
  EXPECT_EQ(At(8), (CodeFrame{.rsp = CodeFrame::kUnknown, .rbp = 16, .saved_rbp = 16, .is_rbp_kept = false}));
  EXPECT_EQ(At(10), CodeFrame{});
}

TEST_F(CodeWalkTest, TellsARegisterFromAFramePointer) {
  // push rbp; xor ebp, ebp; mov rbp, [rsp]; add rsp, 8; ret
  Follow({0x55, 0x31, 0xED, 0x48, 0x8B, 0x2C, 0x24, 0x48, 0x83, 0xC4, 0x08, 0xC3});
  EXPECT_EQ(At(3), (CodeFrame{.rsp = 16, .saved_rbp = 16, .is_rbp_kept = false}));
  EXPECT_EQ(At(7), (CodeFrame{.rsp = 16}));
  EXPECT_EQ(At(11), CodeFrame{});
}

TEST_F(CodeWalkTest, TakesUpTheFrameOfAJumpBehindAnEarlyReturn) {
  // push rbx; test edi, edi; je +2; pop rbx; ret; push rcx; pop rcx; pop rbx; ret
  Follow({0x53, 0x85, 0xFF, 0x74, 0x02, 0x5B, 0xC3, 0x51, 0x59, 0x5B, 0xC3});
  EXPECT_EQ(RspAt(6), 8);
  EXPECT_EQ(RspAt(7), 16);
  EXPECT_EQ(RspAt(8), 24);
}

TEST_F(CodeWalkTest, BelievesJumpsBeforeACallThatMayNotReturn) {
  // test edi, edi; jne +8; push rbx; push rcx; call +0x100; nop; (jumped to:) ret
  Follow({0x85, 0xFF, 0x75, 0x08, 0x53, 0x51, 0xE8, 0, 1, 0, 0, 0x90, 0xC3});
  EXPECT_EQ(RspAt(6), 24);
  EXPECT_EQ(RspAt(11), 24);
  EXPECT_EQ(RspAt(12), 8);
}

TEST_F(CodeWalkTest, GivesCasesTheFrameOfTheJumpThroughTheirTable) {
  // push rbx; jmp [rax]; int3; mov eax, 1; pop rbx; ret
  Follow({0x53, 0xFF, 0x20, 0xCC, 0xB8, 1, 0, 0, 0, 0x5B, 0xC3});
  EXPECT_EQ(RspAt(4), 16);
  EXPECT_EQ(RspAt(10), 8);
}

TEST_F(CodeWalkTest, SaysNothingOfCodeThatNothingLeadsTo) {
  std::vector<std::byte> code(64, std::byte{0x90});
  code[0] = std::byte{0xC3};
  changes_ = walk_.Follow(code);
  EXPECT_TRUE(At(0));
  EXPECT_FALSE(At(40));
}

TEST_F(CodeWalkTest, KnowsOnlyWhatAllWaysAgreeOn) {
  // push rbp; mov rbp, rsp; (loop:) push rax; dec edi; jne loop; leave; ret
  Follow({0x55, 0x48, 0x89, 0xE5, 0x50, 0xFF, 0xCF, 0x75, 0xFB, 0xC9, 0xC3});
  EXPECT_EQ(At(5)->rsp, CodeFrame::kUnknown);
  EXPECT_EQ(At(5)->rbp, 16);
  EXPECT_EQ(At(10), CodeFrame{});
}

TEST_F(CodeWalkTest, EndsOnAnyBytes) {
  std::mt19937 random(7);
  for (int i = 0; i < 2'000; ++i) {
    std::vector<std::byte> code(random() % 600);
    for (std::byte& byte : code) byte = static_cast<std::byte>(random());
    uint32_t begin = 0;
    for (const FrameChange& change : walk_.Follow(code)) {
      EXPECT_GE(change.begin, begin);
      EXPECT_LT(change.begin, code.size());
      begin = change.begin;
    }
  }
}

TEST(CodeStepTest, RefusesWhatIsNoInstruction) {
  const std::byte nothing[] = {std::byte{0x06}};
  EXPECT_FALSE(StepOver(nothing, CodeFrame{}));
  EXPECT_FALSE(StepOver({}, CodeFrame{}));
}

}  // namespace
}  // namespace sonde::elf
