#include "agent/elf/unwind_rules.h"

#include <gtest/gtest.h>

namespace sonde::elf {
namespace {

using RegisterKind = RegisterState::Kind;
using ExpressionBytes = std::vector<uint8_t>;

constexpr uint16_t Direct(bool from_rbp, unsigned cfa_words, unsigned rbp) {
  return static_cast<uint16_t>((from_rbp ? UNWIND_RULE_FROM_RBP : 0) | cfa_words << UNWIND_RULE_CFA_SHIFT | rbp);
}

CfiState State(uint64_t reg, int64_t offset) {
  CfiState state;
  state.cfa = {CfaState::Kind::kRegister, reg, offset, {}};
  state.return_address = {RegisterKind::kAtCfa, 0, -8, {}};
  return state;
}

RegisterState Saved(int64_t offset) { return {RegisterKind::kAtCfa, 0, offset, {}}; }
RegisterState AtExpression(const ExpressionBytes& bytes) {
  return {RegisterKind::kAtExpression, 0, 0, std::as_bytes(std::span(bytes))};
}
CfaState CfaExpression(const ExpressionBytes& bytes) {
  return {CfaState::Kind::kExpression, 0, 0, std::as_bytes(std::span(bytes))};
}

class UnwindRules : public ::testing::Test {
 protected:
  uint16_t Encode(const CfiState& state) { return encoder_.Encode(&state, false); }
  // The escape that this state becomes.
  abi::unwind_escape Escape(const CfiState& state) {
    uint16_t rule = Encode(state);
    unsigned index = rule >> UNWIND_RULE_CFA_SHIFT;
    EXPECT_EQ(rule & UNWIND_RULE_RBP, UNWIND_RBP_ESCAPE);
    EXPECT_GE(index, unsigned{abi::UNWIND_COMMANDS});
    std::vector<abi::unwind_escape> escapes = encoder_.TakeEscapes();
    EXPECT_EQ(index - abi::UNWIND_COMMANDS, escapes.size() - 1);
    return escapes.empty() ? abi::unwind_escape{} : escapes.back();
  }
  void ExpectBad(const CfiState& state, BadRule cause) {
    uint64_t before = statistics_[cause];
    EXPECT_EQ(Encode(state), CommandRule(abi::UNWIND_BAD_RULE)) << Name(cause);
    EXPECT_EQ(statistics_[cause], before + 1) << Name(cause);
  }

  CompileStatistics statistics_;
  RuleEncoder encoder_{&statistics_};
};

TEST_F(UnwindRules, FitOrdinaryFramesInto16Bits) {
  CfiState state = State(kDwarfRsp, 8);
  EXPECT_EQ(Encode(state), Direct(false, 1, 0));
  state.rbp = Saved(-16);
  state.cfa.offset = 8184;
  EXPECT_EQ(Encode(state), Direct(false, 1023, 2));
  state.cfa = {CfaState::Kind::kRegister, kDwarfRbp, 16, {}};
  state.rbp = Saved(-248);
  EXPECT_EQ(Encode(state), Direct(true, 2, 31));
  state.rbp = {RegisterKind::kSame, 0, 0, {}};
  EXPECT_EQ(Encode(state), Direct(true, 2, 0));
  EXPECT_TRUE(encoder_.TakeEscapes().empty());
}

TEST_F(UnwindRules, EscapeOffsetsThatDoNotFit) {
  abi::unwind_escape escape = Escape(State(kDwarfRsp, 8192));
  EXPECT_EQ(escape.flags, 0);
  EXPECT_EQ(escape.cfa_register, UNWIND_RSP);
  EXPECT_EQ(escape.cfa_offset, 8192);
  EXPECT_EQ(escape.ra_offset, -8);
}

TEST_F(UnwindRules, EscapeOddSavesOfRbp) {
  for (int64_t offset : {-8, 0, 16, -256, -20}) {
    CfiState state = State(kDwarfRsp, 64);
    state.rbp = Saved(offset);
    abi::unwind_escape escape = Escape(state);
    EXPECT_EQ(escape.flags, abi::UNWIND_RBP_SAVED);
    EXPECT_EQ(escape.rbp_offset, offset);
  }
}

TEST_F(UnwindRules, EscapeOtherRegisters) {
  abi::unwind_escape escape = Escape(State(10, 0));
  EXPECT_EQ(escape.cfa_register, 10);
  EXPECT_EQ(escape.cfa_offset, 0);
}

TEST_F(UnwindRules, EscapeRealignedStacks) {
  const ExpressionBytes cfa = {0x76, 0x78, 0x06};  // *(rbp - 8)
  const ExpressionBytes rbp = {0x76, 0x00};        // at rbp
  CfiState state = State(0, 0);
  state.cfa = CfaExpression(cfa);
  state.rbp = AtExpression(rbp);
  abi::unwind_escape escape = Escape(state);
  EXPECT_EQ(escape.flags, abi::UNWIND_CFA_LOADED | abi::UNWIND_RBP_SAVED | abi::UNWIND_RBP_FROM_REGISTER);
  EXPECT_EQ(escape.cfa_register, UNWIND_RBP);
  EXPECT_EQ(escape.cfa_offset, -8);
  EXPECT_EQ(escape.cfa_addend, 0);
  EXPECT_EQ(escape.rbp_register, UNWIND_RBP);
  EXPECT_EQ(escape.rbp_offset, 0);
}

TEST_F(UnwindRules, EscapeStacksSavedOnTheStack) {
  const ExpressionBytes cfa = {0x77, 0x20, 0x06, 0x23, 0x08};  // *(rsp + 32) + 8
  CfiState state = State(0, 0);
  state.cfa = CfaExpression(cfa);
  state.rbp = Saved(-24);
  abi::unwind_escape escape = Escape(state);
  EXPECT_EQ(escape.flags, abi::UNWIND_CFA_LOADED | abi::UNWIND_RBP_SAVED);
  EXPECT_EQ(escape.cfa_offset, 32);
  EXPECT_EQ(escape.cfa_addend, 8);
  EXPECT_EQ(escape.rbp_offset, -24);
}

TEST_F(UnwindRules, SayExpressionsThatComeToAnOrdinaryFrameDirectly) {
  const ExpressionBytes cfa = {0x77, 0x10};      // rsp + 16
  const ExpressionBytes address = {0x77, 0x08};  // at rsp + 8, which is CFA - 8
  CfiState state = State(0, 0);
  state.cfa = CfaExpression(cfa);
  state.return_address = AtExpression(address);
  EXPECT_EQ(Encode(state), Direct(false, 2, 0));
}

TEST_F(UnwindRules, EscapeReturnAddressesElsewhere) {
  CfiState state = State(kDwarfRsp, 8);
  state.return_address = {RegisterKind::kInRegister, 5, 0, {}};  // vfork
  abi::unwind_escape escape = Escape(state);
  EXPECT_EQ(escape.flags, abi::UNWIND_RA_IN_REGISTER);
  EXPECT_EQ(escape.ra_register, 5);
  state = State(kDwarfRsp, 64);
  state.return_address = Saved(-56);
  EXPECT_EQ(Escape(state).ra_offset, -56);
}

TEST_F(UnwindRules, AdmitWhenRbpCannotBeTold) {
  CfiState state = State(kDwarfRsp, 16);
  state.rbp.kind = RegisterKind::kUndefined;
  uint16_t undefined = Encode(state);
  state.rbp = {RegisterKind::kInRegister, 11, 0, {}};
  EXPECT_EQ(Encode(state), undefined);
  EXPECT_EQ(Escape(state).flags, abi::UNWIND_RBP_UNKNOWN);
}

TEST_F(UnwindRules, KnowTheBottom) {
  CfiState state;
  state.return_address.kind = RegisterKind::kUndefined;
  EXPECT_EQ(Encode(state), CommandRule(abi::UNWIND_BOTTOM));
}

TEST_F(UnwindRules, KnowPltsByBothConstants) {
  ExpressionBytes plt = {0x77, 0x08, 0x80, 0x00, 0x3F, 0x1A, 0x3B, 0x2A, 0x33, 0x24, 0x22};
  CfiState state = State(0, 0);
  state.cfa = CfaExpression(plt);
  EXPECT_EQ(Encode(state), CommandRule(abi::UNWIND_PLT_11));
  plt[6] = 0x3A;
  EXPECT_EQ(Encode(state), CommandRule(abi::UNWIND_PLT_10));
  state.rbp = Saved(-16);
  ExpectBad(state, BadRule::kCfaExpression);
}

TEST_F(UnwindRules, KnowTheKernelsSignalFrame) {
  const ExpressionBytes cfa = {0x77, 0xA0, 0x01, 0x06};
  const ExpressionBytes rsp = {0x77, 0xA0, 0x01};
  const ExpressionBytes rbp = {0x77, 0xF8, 0x00};
  const ExpressionBytes rip = {0x77, 0xA8, 0x01};
  const ExpressionBytes other = {0x77, 0xB0, 0x01};
  CfiState state;
  state.cfa = CfaExpression(cfa);
  state.rsp = AtExpression(rsp);
  state.rbp = AtExpression(rbp);
  state.return_address = AtExpression(rip);
  EXPECT_EQ(encoder_.Encode(&state, true), CommandRule(abi::UNWIND_SIGNAL));
  EXPECT_EQ(encoder_.Encode(&state, false), CommandRule(abi::UNWIND_SIGNAL));
  state.return_address = AtExpression(other);
  EXPECT_EQ(encoder_.Encode(&state, true), CommandRule(abi::UNWIND_BAD_RULE));
  EXPECT_EQ(statistics_[BadRule::kSignalFrame], 1U);
}

TEST_F(UnwindRules, AreBadForWhatTheyCannotSay) {
  const ExpressionBytes sum = {0x77, 0x00, 0x76, 0x00, 0x22};
  CfiState state = State(0, 0);
  state.cfa = CfaExpression(sum);
  ExpectBad(state, BadRule::kCfaExpression);
  ExpectBad(State(17, 8), BadRule::kCfaRange);
  ExpectBad(State(kDwarfRsp, int64_t{1} << 40), BadRule::kCfaRange);
  ExpectBad(State(~uint64_t{0}, 8), BadRule::kCfaRange);
  state = State(kDwarfRsp, 8);
  state.return_address.kind = RegisterKind::kUnspecified;
  ExpectBad(state, BadRule::kReturnAddress);
  state.return_address = {RegisterKind::kInRegister, 99, 0, {}};
  ExpectBad(state, BadRule::kReturnAddress);
  state = State(kDwarfRsp, 8);
  state.rsp = {RegisterKind::kInRegister, 8, 0, {}};  // longjmp
  ExpectBad(state, BadRule::kStackPointer);
  state = State(kDwarfRsp, 8);
  state.cfa.kind = CfaState::Kind::kUndefined;
  ExpectBad(state, BadRule::kCfaUndefined);
  EXPECT_EQ(encoder_.Encode(nullptr, false), CommandRule(abi::UNWIND_BAD_RULE));
}

TEST_F(UnwindRules, ShareEscapesAndEndWithTheirIndex) {
  constexpr size_t kMost = (1U << UNWIND_RULE_INDEX_BITS) - abi::UNWIND_COMMANDS;
  for (size_t i = 0; i < kMost; ++i)
    EXPECT_NE(Encode(State(3, static_cast<int64_t>(i))), CommandRule(abi::UNWIND_BAD_RULE));
  EXPECT_EQ(Encode(State(3, 5)), Encode(State(3, 5)));
  ExpectBad(State(3, -1), BadRule::kEscapesFull);
  EXPECT_EQ(encoder_.TakeEscapes().size(), kMost);
}

}  // namespace
}  // namespace sonde::elf
