#include "agent/elf/cfi_expression.h"

#include <gtest/gtest.h>

#include <vector>

namespace sonde::elf {
namespace {

using LinearKind = LinearValue::Kind;

std::span<const std::byte> AsBytes(const std::vector<uint8_t>& bytes) { return std::as_bytes(std::span(bytes)); }

std::optional<LinearValue> Linear(const std::vector<uint8_t>& bytes) {
  return EvaluateLinear(AsBytes(bytes), std::nullopt);
}

LinearValue Register(uint64_t reg, int64_t offset) { return {LinearKind::kRegister, reg, offset, 0}; }
LinearValue LoadedValue(uint64_t reg, int64_t offset, int64_t addend) {
  return {LinearKind::kLoaded, reg, offset, addend};
}

TEST(CfiExpression, FollowsTheFormsThatCfiIsMadeOf) {
  EXPECT_EQ(Linear({0x76, 0x78, 0x06}), LoadedValue(6, -8, 0));                      // breg6 -8; deref
  EXPECT_EQ(Linear({0x77, 0xB8, 0x01, 0x06, 0x23, 0x08}), LoadedValue(7, 184, 8));   // breg7 184; deref; plus_uconst 8
  EXPECT_EQ(Linear({0x92, 0x0A, 0x10}), Register(10, 16));                           // bregx r10 16
  EXPECT_EQ(Linear({0x79, 0x00, 0x38, 0x22}), Register(9, 8));                       // breg9 0; lit8; plus
  EXPECT_EQ(Linear({0x38, 0x79, 0x00, 0x22}), Register(9, 8));                       // lit8; breg9 0; plus
  EXPECT_EQ(Linear({0x70, 0x00, 0x08, 0x10, 0x1C}), Register(0, -16));               // breg0 0; const1u 16; minus
  EXPECT_EQ(Linear({0x38, 0x77, 0x00, 0x16, 0x13}), Register(7, 0));                 // swap, then drop the constant
  EXPECT_EQ(Linear({0x09, 0xF0}), (LinearValue{LinearKind::kConstant, 0, -16, 0}));  // const1s -16
}

TEST(CfiExpression, StartsFromWhatLiesOnTheStack) {
  std::vector<uint8_t> bytes = {0x23, 0x10};
  EXPECT_EQ(EvaluateLinear(AsBytes(bytes), Register(kCfaAsRegister, 0)), Register(kCfaAsRegister, 16));
  EXPECT_EQ(EvaluateLinear({}, Register(kCfaAsRegister, 0)), Register(kCfaAsRegister, 0));
}

TEST(CfiExpression, RefusesWhatIsNotLinearOrMalformed) {
  EXPECT_FALSE(Linear({}));
  EXPECT_FALSE(Linear({0x06}));                                      // deref of nothing
  EXPECT_FALSE(Linear({0x77, 0x00, 0x06, 0x06}));                    // loads twice
  EXPECT_FALSE(Linear({0x77, 0x00, 0x76, 0x00, 0x22}));              // rsp + rbp
  EXPECT_FALSE(Linear({0x77, 0x08, 0x79, 0x00, 0x38, 0x1E, 0x22}));  // with a product
  EXPECT_FALSE(Linear({0x77}));                                      // cut off
  EXPECT_FALSE(Linear({0x2F, 0xFD, 0xFF}));                          // skip -3: a loop
  EXPECT_FALSE(Linear({0x28, 0x00, 0x00}));                          // branch
  EXPECT_FALSE(Linear({0xFF}));
}

TEST(CfiExpression, BoundsItsStackAndItsOperations) {
  EXPECT_FALSE(Linear(std::vector<uint8_t>(9, 0x30)));
  EXPECT_TRUE(Linear(std::vector<uint8_t>(8, 0x30)));
  std::vector<uint8_t> endless(1'000'000, 0x96);  // nops
  endless[0] = 0x30;
  EXPECT_FALSE(Linear(endless));
}

TEST(CfiExpression, KnowsAPltByItsThreshold) {
  std::vector<uint8_t> plt = {0x77, 0x08, 0x80, 0x00, 0x3F, 0x1A, 0x3B, 0x2A, 0x33, 0x24, 0x22};
  EXPECT_EQ(PltThreshold(AsBytes(plt)), 11U);
  plt[6] = 0x3A;
  EXPECT_EQ(PltThreshold(AsBytes(plt)), 10U);
  plt[6] = 0x50;
  EXPECT_FALSE(PltThreshold(AsBytes(plt)));
  plt[6] = 0x3B;
  plt[1] = 0x10;
  EXPECT_FALSE(PltThreshold(AsBytes(plt)));
  EXPECT_FALSE(PltThreshold({}));
}

}  // namespace
}  // namespace sonde::elf
