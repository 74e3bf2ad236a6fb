#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "bpf/unwind/user_space/walk_world.h"

namespace sonde::abi {
namespace {

using testing::ElementsAre;

constexpr uint32_t kProcess = 7;
constexpr uint64_t kCode = 0x400000;  // the mapping of file 1, from its offset 0x1000 on
constexpr uint64_t kCodeOffset = 0x1000;
constexpr uint64_t kJit = 0x7f0000000000;  // a mapping without a file
constexpr uint64_t kStack = 0x7ffd00001000;
constexpr uint16_t kUncovered = UNWIND_RBP_ESCAPE;

constexpr uint16_t Command(unsigned command) {
  return static_cast<uint16_t>(command << UNWIND_RULE_CFA_SHIFT | UNWIND_RBP_ESCAPE);
}
constexpr uint16_t Escape(unsigned index) { return Command(UNWIND_COMMANDS + index); }
// CFA = rsp + 8 * words.
constexpr uint16_t FromRsp(unsigned words, unsigned rbp = UNWIND_RBP_KEPT) {
  return static_cast<uint16_t>(words << UNWIND_RULE_CFA_SHIFT | rbp);
}
constexpr uint16_t FromRbp(unsigned words, unsigned rbp = UNWIND_RBP_KEPT) {
  return static_cast<uint16_t>(UNWIND_RULE_FROM_RBP | FromRsp(words, rbp));
}

// How a frame of file 1 leaves the kernel.
constexpr uint64_t InFile(uint64_t offset) { return uint64_t{1} << UNWIND_FRAME_FILE_SHIFT | (kCodeOffset + offset); }

class Walk : public testing::Test {
 protected:
  Walk() {
    registers_[UNWIND_RSP] = kStack;
    registers_[UNWIND_RIP] = kCode + 0x10;
  }

  // From `offset` of the mapping on, this rule holds. In rising order.
  void Rule(uint64_t offset, uint16_t rule) {
    blocks_[0].rows[pages_[0].rows++] = {static_cast<uint16_t>(kCodeOffset + offset), rule};
  }

  walked_stack Run() { return Run(kProcess); }
  walked_stack Run(uint32_t tgid) {
    walk_world world = World();
    walked_stack stack{};
    walk_in_user_space(&world, tgid, registers_.data(), &stack);
    reads_ = world.reads;
    ExpectTheSameByKnownRows(stack, tgid, &world);
    return stack;
  }
  void ExpectTheSameByKnownRows(const walked_stack& first, uint32_t tgid, walk_world* world) {
    walked_stack second{};
    walk_in_user_space(world, tgid, registers_.data(), &second);
    EXPECT_EQ(Frames(second), Frames(first));
    EXPECT_EQ(second.stop, first.stop);
    EXPECT_EQ(second.has_addresses, first.has_addresses);
    EXPECT_EQ(second.hash_low, first.hash_low);
    EXPECT_EQ(second.hash_high, first.hash_high);
    EXPECT_EQ(world->reads, 2 * reads_);
  }
  static std::vector<uint64_t> Frames(const walked_stack& stack) { return {stack.frame, stack.frame + stack.frames}; }

  walk_world World() {
    walk_world world{};
    world.tgid = kProcess;
    world.process = {0, static_cast<uint32_t>(mappings_.size())};
    world.mappings = mappings_.data();
    world.mapping_count = static_cast<uint32_t>(mappings_.size());
    world.files = files_.data();
    world.file_count = static_cast<uint32_t>(files_.size());
    world.pages = pages_.data();
    world.page_count = static_cast<uint32_t>(pages_.size());
    world.escapes = escapes_.data();
    world.escape_count = static_cast<uint32_t>(escapes_.size());
    world.blocks = blocks_.data();
    world.block_count = static_cast<uint32_t>(blocks_.size());
    world.stack_start = kStack;
    world.stack = reinterpret_cast<const uint8_t*>(stack_.data());
    world.stack_bytes = stack_.size() * sizeof(uint64_t);
    return world;
  }

  std::vector<unwind_mapping> mappings_ = {{kCode, kCodeOffset - kCode, 16, 1}, {kJit, 0, 16, UNWIND_FILE_ANONYMOUS}};
  std::vector<unwind_file> files_ = {{.state = UNWIND_FILE_REFUSED}, {.state = UNWIND_FILE_READY, .pages = 1}};
  std::vector<unwind_page> pages_ = {{}};
  std::vector<unwind_escape> escapes_;
  std::vector<unwind_block> blocks_{1};
  std::array<__u64, UNWIND_REGISTERS + 1> registers_{};
  std::vector<uint64_t> stack_ = std::vector<uint64_t>(512);  // whole pages
  uint64_t reads_ = 0;
};

TEST_F(Walk, GoesFromFrameToFrameByTheStackPointer) {
  Rule(0x00, FromRsp(1));
  Rule(0x20, FromRsp(3));
  Rule(0x40, Command(UNWIND_BOTTOM));
  stack_[0] = kCode + 0x25;  // of 0x10, whose frame is one word
  stack_[3] = kCode + 0x41;  // of 0x24, three words
  walked_stack stack = Run();
  EXPECT_THAT(Frames(stack), ElementsAre(InFile(0x10), InFile(0x24), InFile(0x40)));
  EXPECT_EQ(stack.stop, UNWIND_STOP_BOTTOM);
  EXPECT_EQ(files_[1].uses, 3U);
}

TEST_F(Walk, LooksUpTheCallAndNotWhatFollowsIt) {
  Rule(0x00, FromRsp(1));
  Rule(0x20, Command(UNWIND_BOTTOM));
  Rule(0x30, Command(UNWIND_BAD_RULE));
  stack_[0] = kCode + 0x30;  // a call that does not return ends its function
  walked_stack stack = Run();
  EXPECT_THAT(Frames(stack), ElementsAre(InFile(0x10), InFile(0x2F)));
  EXPECT_EQ(stack.stop, UNWIND_STOP_BOTTOM);
}

TEST_F(Walk, RestoresTheFramePointerThatRulesNeedLater) {
  Rule(0x00, FromRsp(3, 2));  // rbp at CFA - 16
  Rule(0x20, FromRbp(2, 2));
  Rule(0x40, Command(UNWIND_BOTTOM));
  stack_[1] = kStack + 10 * 8;
  stack_[2] = kCode + 0x21;
  stack_[10] = 0;
  stack_[11] = kCode + 0x41;
  registers_[UNWIND_RBP] = 0x1234;  // of no use
  walked_stack stack = Run();
  EXPECT_THAT(Frames(stack), ElementsAre(InFile(0x10), InFile(0x20), InFile(0x40)));
  EXPECT_EQ(stack.stop, UNWIND_STOP_BOTTOM);
}

TEST_F(Walk, CrossesASignalToWhatItInterrupted) {
  constexpr uint64_t kContext = 8, kRegisters = kContext + 5;  // in words: the ucontext, and its first register
  Rule(0x00, FromRsp(8));
  Rule(0x1F, Command(UNWIND_SIGNAL));
  Rule(0x30, Escape(0));  // needs rbx, which is known where a signal interrupted
  Rule(0x40, Command(UNWIND_BOTTOM));
  escapes_ = {{.flags = 0, .cfa_register = 3, .cfa_offset = 16, .ra_offset = -8}};
  files_[1].escapes = 1;
  stack_[7] = kCode + 0x20;
  stack_[kRegisters + 11] = kStack + 40 * 8;  // rbx
  stack_[kRegisters + 15] = kStack + 35 * 8;  // rsp
  stack_[kRegisters + 16] = kCode + 0x30;     // rip: exactly the rule's first byte
  stack_[41] = kCode + 0x41;
  walked_stack stack = Run();
  EXPECT_THAT(Frames(stack), ElementsAre(InFile(0x10), InFile(0x20), InFile(0x30), InFile(0x40)));
  EXPECT_EQ(stack.stop, UNWIND_STOP_BOTTOM);
}

TEST_F(Walk, TakesASignalsTrampolineForItselfThoughNobodyCallsIt) {
  Rule(0x00, FromRsp(1));
  Rule(0x1F, Command(UNWIND_SIGNAL));  // tables begin it a byte early, where the return address less one leads
  stack_[0] = kCode + 0x20;
  EXPECT_THAT(Frames(Run()), testing::Contains(InFile(0x20)));
}

TEST_F(Walk, KnowsHowMuchAPltStubHasPushed) {
  for (uint64_t at : {0x10, 0x1A, 0x1B}) {
    pages_[0].rows = 0;
    Rule(0x00, Command(UNWIND_PLT_11));
    Rule(0x20, Command(UNWIND_BOTTOM));
    registers_[UNWIND_RIP] = kCode + at;
    stack_[0] = at == 0x1B ? 0 : kCode + 0x21;
    stack_[1] = kCode + 0x21;
    EXPECT_THAT(Frames(Run()), ElementsAre(InFile(at), InFile(0x20))) << at;
  }
}

TEST_F(Walk, FollowsEscapes) {
  Rule(0x00, Escape(0));
  Rule(0x20, Escape(1));
  Rule(0x40, Command(UNWIND_BOTTOM));
  files_[1].escapes = 2;
  // vfork: the return address is in rdi. Then a realigned stack: CFA = *(rbp - 8), rbp at *rbp.
  escapes_ = {{.flags = UNWIND_RA_IN_REGISTER, .cfa_register = UNWIND_RSP, .ra_register = 5},
              {.flags = UNWIND_CFA_LOADED | UNWIND_RBP_SAVED | UNWIND_RBP_FROM_REGISTER,
               .cfa_register = UNWIND_RBP,
               .rbp_register = UNWIND_RBP,
               .cfa_offset = -8}};
  registers_[5] = kCode + 0x21;
  registers_[UNWIND_RBP] = kStack + 4 * 8;
  stack_[3] = kStack + 20 * 8;
  stack_[19] = kCode + 0x41;
  walked_stack stack = Run();
  EXPECT_THAT(Frames(stack), ElementsAre(InFile(0x10), InFile(0x20), InFile(0x40)));
  EXPECT_EQ(stack.stop, UNWIND_STOP_BOTTOM);
}

TEST_F(Walk, StopsWhereARegisterIsNotKnown) {
  Rule(0x00, FromRsp(1));
  Rule(0x20, Escape(0));
  files_[1].escapes = 1;
  escapes_ = {{.cfa_register = 9, .cfa_offset = 8, .ra_offset = -8}};
  stack_[0] = kCode + 0x21;
  EXPECT_EQ(Run().stop, UNWIND_STOP_BAD_REGISTERS);  // r9 of a caller
  escapes_ = {{.flags = UNWIND_RBP_UNKNOWN, .cfa_register = UNWIND_RSP, .cfa_offset = 8, .ra_offset = -8}};
  Rule(0x30, FromRbp(2));
  stack_[1] = kCode + 0x31;
  EXPECT_EQ(Run().stop, UNWIND_STOP_BAD_REGISTERS);
}

TEST_F(Walk, FollowsFramePointersThroughCodeWithoutAFile) {
  Rule(0x00, Command(UNWIND_BOTTOM));
  registers_[UNWIND_RIP] = kJit + 0x50;
  registers_[UNWIND_RBP] = kStack + 8;
  stack_[1] = kStack + 5 * 8;
  stack_[2] = kJit + 0x61;
  stack_[6] = kCode + 0x11;
  walked_stack stack = Run();
  constexpr uint64_t kAnonymous = uint64_t{UNWIND_FILE_ANONYMOUS} << UNWIND_FRAME_FILE_SHIFT;
  EXPECT_THAT(Frames(stack), ElementsAre(kAnonymous | (kJit + 0x50), kAnonymous | (kJit + 0x60), InFile(0x10)));
  EXPECT_EQ(stack.stop, UNWIND_STOP_BOTTOM);
  EXPECT_TRUE(stack.has_addresses);
}

TEST_F(Walk, DoesNotBelieveFramePointersThatLeadNowhere) {
  registers_[UNWIND_RIP] = kJit + 0x50;
  for (uint64_t rbp : {kStack - 8, kStack + 4, kStack + (64 << 10), ~uint64_t{7}}) {
    registers_[UNWIND_RBP] = rbp;
    EXPECT_EQ(Run().stop, UNWIND_STOP_BAD_FRAME_POINTER) << rbp;
  }
  registers_[UNWIND_RBP] = kStack + 0x1000;
  EXPECT_EQ(Run().stop, UNWIND_STOP_READ_FAULT);
  registers_[UNWIND_RBP] = 0;  // of a leaf that may keep none
  EXPECT_EQ(Run().stop, UNWIND_STOP_BAD_FRAME_POINTER);
  registers_[UNWIND_RBP] = kStack + 8;
  stack_[1] = 0;
  stack_[2] = kJit + 0x61;
  EXPECT_EQ(Run().stop, UNWIND_STOP_BOTTOM);
}

TEST_F(Walk, GoesOnInAnotherStackWhereverItLies) {
  Rule(0x00, Command(UNWIND_OTHER_STACK));
  Rule(0x20, FromRsp(2));
  Rule(0x40, Command(UNWIND_BOTTOM));
  registers_[UNWIND_RSP] = kStack + 0x800;
  registers_[UNWIND_RBP] = kStack + 8;
  stack_[2] = kCode + 0x21;
  stack_[4] = kCode + 0x41;
  walked_stack stack = Run();
  EXPECT_THAT(Frames(stack), ElementsAre(InFile(0x10), InFile(0x20), InFile(0x40)));
  EXPECT_EQ(stack.stop, UNWIND_STOP_BOTTOM);
  for (uint64_t rbp : {uint64_t{0}, kStack + 4}) {
    registers_[UNWIND_RBP] = rbp;
    EXPECT_EQ(Run().stop, UNWIND_STOP_BAD_FRAME_POINTER) << rbp;
  }
}

TEST_F(Walk, EndsInARingOfStacks) {
  Rule(0x00, Command(UNWIND_OTHER_STACK));
  registers_[UNWIND_RBP] = kStack + 8;
  stack_[1] = kStack + 8;
  stack_[2] = kCode + 0x11;
  EXPECT_EQ(Run().stop, UNWIND_STOP_TRUNCATED);
}

TEST_F(Walk, KeepsOutOfOtherProcessesMappingsWhenThereAreNone) {
  Rule(0x00, Command(UNWIND_BOTTOM));
  walk_world world = World();
  world.process.mappings = 0;
  walked_stack stack{};
  walk_in_user_space(&world, kProcess, registers_.data(), &stack);
  EXPECT_EQ(stack.stop, UNWIND_STOP_NO_MAPPING);
}

TEST_F(Walk, DoesItsBestForAProcessThatIsNotKnownYet) {
  registers_[UNWIND_RBP] = kStack + 8;
  stack_[2] = kCode + 0x31;
  walked_stack stack = Run(kProcess + 1);
  EXPECT_THAT(Frames(stack), ElementsAre(kCode + 0x10, kCode + 0x30));
  EXPECT_EQ(stack.stop, UNWIND_STOP_NO_PROCESS);
}

TEST_F(Walk, SaysWhyItStopped) {
  Rule(0x00, FromRsp(1));
  Rule(0x20, kUncovered);
  Rule(0x30, Command(UNWIND_BAD_RULE));
  Rule(0x40, Escape(5));  // of none
  Rule(0x50, FromRsp(0));
  Rule(0x60, FromRsp(1023));
  const std::pair<uint64_t, unwind_stop> kEnds[] = {
      {0x20, UNWIND_STOP_NO_ROW},        {0x30, UNWIND_STOP_BAD_RULE},   {0x40, UNWIND_STOP_BAD_RULE},
      {0x50, UNWIND_STOP_SP_NOT_RISING}, {0x60, UNWIND_STOP_READ_FAULT},
  };
  for (const auto& [at, stop] : kEnds) {
    stack_[0] = kCode + at + 1;
    walked_stack stack = Run();
    EXPECT_EQ(stack.stop, stop) << at;
    EXPECT_THAT(Frames(stack), ElementsAre(InFile(0x10), InFile(at)));
  }
  stack_[0] = 0;
  EXPECT_EQ(Run().stop, UNWIND_STOP_BOTTOM);
  stack_[0] = 0x1234;
  EXPECT_EQ(Run().stop, UNWIND_STOP_NO_MAPPING);
  registers_[UNWIND_RIP] = kCode - 1;
  EXPECT_THAT(Frames(Run()), ElementsAre(kCode - 1));
}

TEST_F(Walk, SaysWhatStateTheFileIsIn) {
  Rule(0x00, FromRsp(1));
  const std::pair<unwind_file_state, unwind_stop> kStates[] = {{UNWIND_FILE_PENDING, UNWIND_STOP_NO_TABLE},
                                                               {UNWIND_FILE_EMPTY, UNWIND_STOP_NO_TABLE},
                                                               {UNWIND_FILE_REFUSED, UNWIND_STOP_FILE_REFUSED},
                                                               {UNWIND_FILE_NO_CFI, UNWIND_STOP_BAD_FRAME_POINTER}};
  for (const auto& [state, stop] : kStates) {
    files_[1].state = state;
    EXPECT_EQ(Run().stop, stop) << state;
  }
}

TEST_F(Walk, TakesAThousandFramesAndSaysWhenThereAreMore) {
  Rule(0x00, FromRsp(1));
  Rule(0x40, Command(UNWIND_BOTTOM));
  stack_.assign(3 * 512, kCode + 0x11);
  walked_stack stack = Run();
  EXPECT_EQ(stack.frames, uint32_t{SONDE_USER_FRAMES});
  EXPECT_EQ(stack.stop, UNWIND_STOP_TRUNCATED);
  stack_[SONDE_USER_FRAMES - 2] = kCode + 0x41;
  stack = Run();
  EXPECT_EQ(stack.frames, uint32_t{SONDE_USER_FRAMES});
  EXPECT_EQ(stack.stop, UNWIND_STOP_BOTTOM);
  EXPECT_LE(reads_, 8U) << "a kilobyte at a time";
}

TEST_F(Walk, GivesOneHashToTheSamePlacesInDifferentProcesses) {
  Rule(0x00, FromRsp(1));
  Rule(0x20, Command(UNWIND_BOTTOM));
  stack_[0] = kCode + 0x21;
  walked_stack first = Run();
  mappings_[0].start += 0x10000;
  mappings_[0].bias -= 0x10000;
  registers_[UNWIND_RIP] += 0x10000;
  stack_[0] += 0x10000;
  walked_stack second = Run();
  EXPECT_EQ(first.hash_low, second.hash_low);
  EXPECT_EQ(first.hash_high, second.hash_high);
  EXPECT_FALSE(second.has_addresses);
  stack_[0] += 1;
  EXPECT_NE(Run().hash_low, first.hash_low);
}

TEST_F(Walk, TakesRowsThatItFoundBeforeUntilTheFileHasAnotherTable) {
  Rule(0x00, FromRsp(1));
  Rule(0x20, FromRsp(3));
  Rule(0x40, Command(UNWIND_BOTTOM));
  stack_[0] = kCode + 0x21;
  stack_[2] = stack_[3] = kCode + 0x41;
  walk_world world = World();
  walked_stack stack{};
  walk_in_user_space(&world, kProcess, registers_.data(), &stack);
  EXPECT_THAT(Frames(stack), ElementsAre(InFile(0x10), InFile(0x20), InFile(0x40)));
  blocks_[0].rows[1].rule = Command(UNWIND_BOTTOM);
  walk_in_user_space(&world, kProcess, registers_.data(), &stack);
  EXPECT_THAT(Frames(stack), ElementsAre(InFile(0x10), InFile(0x20), InFile(0x40)));
  ++files_[1].version;
  walk_in_user_space(&world, kProcess, registers_.data(), &stack);
  EXPECT_THAT(Frames(stack), ElementsAre(InFile(0x10), InFile(0x20)));
  EXPECT_EQ(stack.stop, UNWIND_STOP_BOTTOM);
}

// Whatever the tables say and the stack holds, it ends, within bounds (the address sanitizer looks).
TEST_F(Walk, SurvivesTablesAndStacksOfRandomBytes) {
  std::mt19937_64 random(20'261'121);
  files_.resize(4);
  escapes_.resize(8);
  pages_.resize(4);
  std::array<uint64_t, UNWIND_STOPS> stops{};
  for (int round = 0; round < 20'000; ++round) {
    for (unwind_page& page : pages_) page = {static_cast<uint32_t>(random() % 3), static_cast<uint16_t>(random()), 40};
    for (unwind_row& row : blocks_[0].rows) {
      if (round % 100 == 0) row = {static_cast<uint16_t>(random()), static_cast<uint16_t>(random())};
    }
    for (unwind_file& file : files_) {
      file = {.state = random() % 8 == 0 ? static_cast<uint32_t>(random() % 6) : uint32_t{UNWIND_FILE_READY},
              .first_page = static_cast<uint32_t>(random() % 5),
              .pages = static_cast<uint32_t>(random() % 5),
              .first_escape = static_cast<uint32_t>(random() % 9),
              .base_page = 0,
              .version = 0,
              .escapes = static_cast<uint32_t>(random() % 9),
              .uses = 0};
    }
    for (unwind_escape& escape : escapes_) {
      escape = {static_cast<uint8_t>(random()),       static_cast<uint8_t>(random()),
                static_cast<uint8_t>(random()),       static_cast<uint8_t>(random()),
                static_cast<int32_t>(random() % 64),  static_cast<int32_t>(random() % 64),
                {static_cast<int32_t>(random() % 64)}};
    }
    mappings_[0].file = static_cast<uint32_t>(random() % 6);
    mappings_[0].pages = 64;
    for (uint64_t& word : stack_)
      word = random() % 32 == 0 ? 0 : random() % 3 == 0 ? kStack + random() % 512 : kCode + random() % 0x40000;
    for (__u64& value : registers_) value = kStack + random() % 256;
    registers_[UNWIND_RIP] = kCode + random() % 0x40000;
    walked_stack stack = Run();
    ASSERT_LT(stack.stop, uint32_t{UNWIND_STOPS});
    ASSERT_LE(stack.frames, uint32_t{SONDE_USER_FRAMES});
    ++stops[stack.stop];
  }
  EXPECT_EQ(stops[UNWIND_STOP_NONE], 0U);
  for (unwind_stop stop : {UNWIND_STOP_BOTTOM, UNWIND_STOP_NO_ROW, UNWIND_STOP_READ_FAULT, UNWIND_STOP_BAD_RULE})
    EXPECT_GT(stops[stop], 0U) << stop;
}

}  // namespace
}  // namespace sonde::abi
