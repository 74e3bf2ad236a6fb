#include "agent/elf/cfi_expression.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/elf/byte_cursor.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

// DW_OP_*, those that occur in CFI and are linear.
enum ExpressionOpcode : uint8_t {
  kOpAddr = 0x03,
  kOpDeref = 0x06,
  kOpConst1u = 0x08,
  kOpConst1s = 0x09,
  kOpConst2u = 0x0A,
  kOpConst2s = 0x0B,
  kOpConst4u = 0x0C,
  kOpConst4s = 0x0D,
  kOpConst8u = 0x0E,
  kOpConst8s = 0x0F,
  kOpConstu = 0x10,
  kOpConsts = 0x11,
  kOpDup = 0x12,
  kOpDrop = 0x13,
  kOpOver = 0x14,
  kOpSwap = 0x16,
  kOpMinus = 0x1C,
  kOpPlus = 0x22,
  kOpPlusUconst = 0x23,
  kOpLit0 = 0x30,
  kOpLit31 = 0x4F,
  kOpBreg0 = 0x70,
  kOpBreg31 = 0x8F,
  kOpBregx = 0x92,
  kOpNop = 0x96,
};

using LinearKind = LinearValue::Kind;

int64_t AddWrapping(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

LinearValue Plus(LinearValue value, int64_t constant) {
  int64_t& last = value.kind == LinearKind::kLoaded ? value.addend : value.offset;
  last = AddWrapping(last, constant);
  return value;
}

class LinearMachine {
 public:
  explicit LinearMachine(std::span<const std::byte> expression) : cursor_(expression) {}

  std::optional<LinearValue> Run(std::optional<LinearValue> initial) {
    if (initial) Push(*initial);
    for (size_t operations = 0; !cursor_.AtEnd(); ++operations) {
      bool is_linear = operations < kMaxExpressionOperations && Step(cursor_.Byte());
      if (!is_linear || !cursor_.Ok()) return std::nullopt;
    }
    if (depth_ == 0) return std::nullopt;
    return stack_[depth_ - 1];
  }

 private:
  bool Push(const LinearValue& value) {
    if (depth_ == stack_.size()) return false;
    stack_[depth_++] = value;
    return true;
  }
  bool PushConstant(uint64_t value) { return Push({LinearKind::kConstant, 0, static_cast<int64_t>(value), 0}); }
  bool PushRegister(uint64_t reg) { return Push({LinearKind::kRegister, reg, cursor_.Sleb(), 0}); }

  bool Step(uint8_t opcode) {
    if (opcode >= kOpLit0 && opcode <= kOpLit31) return PushConstant(opcode - kOpLit0);
    if (opcode >= kOpBreg0 && opcode <= kOpBreg31) return PushRegister(opcode - kOpBreg0);
    switch (opcode) {
      case kOpBregx:
        return PushRegister(cursor_.Uleb());
      case kOpAddr:
      case kOpConst8u:
      case kOpConst8s:
        return PushConstant(cursor_.Read<uint64_t>());
      case kOpConst1u:
        return PushConstant(cursor_.Byte());
      case kOpConst1s:
        return PushConstant(static_cast<uint64_t>(int64_t{cursor_.Read<int8_t>()}));
      case kOpConst2u:
        return PushConstant(cursor_.Read<uint16_t>());
      case kOpConst2s:
        return PushConstant(static_cast<uint64_t>(int64_t{cursor_.Read<int16_t>()}));
      case kOpConst4u:
        return PushConstant(cursor_.Read<uint32_t>());
      case kOpConst4s:
        return PushConstant(static_cast<uint64_t>(int64_t{cursor_.Read<int32_t>()}));
      case kOpConstu:
        return PushConstant(cursor_.Uleb());
      case kOpConsts:
        return PushConstant(static_cast<uint64_t>(cursor_.Sleb()));
      case kOpNop:
        return true;
      default:
        return StepOnStack(opcode);
    }
  }

  bool StepOnStack(uint8_t opcode) {
    if (depth_ == 0) return false;
    LinearValue& top = stack_[depth_ - 1];
    switch (opcode) {
      case kOpDeref:
        if (top.kind != LinearKind::kRegister) return false;
        top.kind = LinearKind::kLoaded;
        return true;
      case kOpPlusUconst:
        top = Plus(top, static_cast<int64_t>(cursor_.Uleb()));
        return true;
      case kOpDup:
        return Push(LinearValue(top));
      case kOpDrop:
        --depth_;
        return true;
      default:
        return depth_ >= 2 && StepOnTwo(opcode);
    }
  }

  bool StepOnTwo(uint8_t opcode) {
    LinearValue& below = stack_[depth_ - 2];
    const LinearValue top = stack_[depth_ - 1];
    switch (opcode) {
      case kOpOver:
        return Push(LinearValue(below));
      case kOpSwap:
        std::swap(below, stack_[depth_ - 1]);
        return true;
      case kOpPlus:
        if (top.kind != LinearKind::kConstant && below.kind != LinearKind::kConstant) return false;
        below = top.kind == LinearKind::kConstant ? Plus(below, top.offset) : Plus(top, below.offset);
        --depth_;
        return true;
      case kOpMinus:
        if (top.kind != LinearKind::kConstant) return false;
        below = Plus(below, static_cast<int64_t>(0 - static_cast<uint64_t>(top.offset)));
        --depth_;
        return true;
      default:
        return false;
    }
  }

  ByteCursor cursor_;
  size_t depth_ = 0;
  std::array<LinearValue, 8> stack_;
};

}  // namespace

std::optional<LinearValue> EvaluateLinear(std::span<const std::byte> expression, std::optional<LinearValue> initial) {
  return LinearMachine(expression).Run(initial);
}

std::optional<unsigned> PltThreshold(std::span<const std::byte> expression) {
  // breg7 8; breg16 0; lit15; and; lit N; ge; lit3; shl; plus
  constexpr size_t kThresholdAt = 6;
  constexpr std::array<uint8_t, 11> kForm = {0x77, 0x08, 0x80, 0x00, 0x3F, 0x1A, 0x30, 0x2A, 0x33, 0x24, 0x22};
  if (expression.size() != kForm.size()) return std::nullopt;
  for (size_t i = 0; i < kForm.size(); ++i) {
    if (i != kThresholdAt && static_cast<uint8_t>(expression[i]) != kForm[i]) return std::nullopt;
  }
  auto threshold = static_cast<uint8_t>(expression[kThresholdAt]);
  if (threshold < kOpLit0 || threshold > kOpLit0 + 15) return std::nullopt;
  return threshold - kOpLit0;
}

}  // namespace sonde::elf
