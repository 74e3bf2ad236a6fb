#include "agent/elf/code_step.h"

#include <Zydis/Zydis.h>

#include <algorithm>

namespace sonde::elf {
namespace {

constexpr int32_t kPushBytes = 8;
// Deeper frames are not followed: the sums stay far from overflow, and rules could not say them.
constexpr int32_t kDeepest = 1 << 28;

const ZydisDecoder& Decoder() {
  static const ZydisDecoder decoder = [] {
    ZydisDecoder made;
    ZydisDecoderInit(&made, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    return made;
  }();
  return decoder;
}

// Operands cost as much as the rest: they are read for those that need them.
struct Decoded {
  ZydisDecoderContext context;
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];

  bool ReadInstruction(std::span<const std::byte> code) {
    return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&Decoder(), &context, code.data(), code.size(), &instruction));
  }
  bool ReadOperands() {
    return ZYAN_SUCCESS(
        ZydisDecoderDecodeOperands(&Decoder(), &context, &instruction, operands, instruction.operand_count));
  }
  const ZydisDecodedOperand& operator[](size_t i) const { return operands[i]; }
  ZydisMnemonic Mnemonic() const { return instruction.mnemonic; }
};

bool IsRegister(const ZydisDecodedOperand& operand, ZydisRegister reg) {
  return operand.type == ZYDIS_OPERAND_TYPE_REGISTER && operand.reg.value == reg;
}

// Memory at, or the address of, `base` plus a constant.
std::optional<int32_t> DisplacementFrom(const ZydisDecodedOperand& operand, ZydisRegister base) {
  if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.mem.base != base) return std::nullopt;
  if (operand.mem.index != ZYDIS_REGISTER_NONE || operand.mem.segment == ZYDIS_REGISTER_FS) return std::nullopt;
  return static_cast<int32_t>(operand.mem.disp.value);
}

std::optional<int32_t> SignedImmediate(const ZydisDecodedOperand& operand) {
  if (operand.type != ZYDIS_OPERAND_TYPE_IMMEDIATE) return std::nullopt;
  return static_cast<int32_t>(operand.imm.value.s);
}

int32_t Plus(int32_t height, int64_t bytes) {
  if (height == CodeFrame::kUnknown) return height;
  const int64_t sum = height + bytes;
  return sum < -kDeepest || sum > kDeepest ? CodeFrame::kUnknown : static_cast<int32_t>(sum);
}

// How far below the CFA an operand's memory lies.
int32_t DepthOf(const ZydisDecodedOperand& operand, const CodeFrame& frame) {
  if (auto from_rsp = DisplacementFrom(operand, ZYDIS_REGISTER_RSP)) return Plus(frame.rsp, -int64_t{*from_rsp});
  if (auto from_rbp = DisplacementFrom(operand, ZYDIS_REGISTER_RBP)) return Plus(frame.rbp, -int64_t{*from_rbp});
  return CodeFrame::kUnknown;
}

void SaveRbpAt(int32_t depth, CodeFrame* frame) {
  if (frame->is_rbp_kept && depth != CodeFrame::kUnknown && depth > kPushBytes) frame->saved_rbp = depth;
}

void LoadRbpFrom(int32_t depth, CodeFrame* frame) {
  frame->rbp = CodeFrame::kUnknown;
  frame->is_rbp_kept = depth != CodeFrame::kUnknown && depth == frame->saved_rbp;
  if (frame->is_rbp_kept) frame->saved_rbp = 0;
}

void OverwriteRbp(int32_t now, CodeFrame* frame) {
  frame->rbp = now;
  frame->is_rbp_kept = false;
}

void Pop(bool is_rbp, CodeFrame* frame) {
  const int32_t from = frame->rsp;
  frame->rsp = Plus(from, -kPushBytes);
  if (is_rbp) LoadRbpFrom(from, frame);
}

// Whether rsp or rbp may be among the instruction's registers. One with a ModRM byte names them there, or, as stack
// operations do, leaves rsp unnamed.
bool MayConcernFrame(const Decoded& code) {
  const ZydisDecodedInstruction& instruction = code.instruction;
  const bool is_legacy = instruction.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY;
  const bool has_modrm = (instruction.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
  const bool is_stack_operation = code.Mnemonic() == ZYDIS_MNEMONIC_PUSH || code.Mnemonic() == ZYDIS_MNEMONIC_POP;
  if (!is_legacy || !has_modrm || is_stack_operation) return true;
  auto is_of_frame = [](unsigned number, unsigned extension) { return extension == 0 && (number == 4 || number == 5); };
  const auto& modrm = instruction.raw.modrm;
  return is_of_frame(modrm.reg, instruction.raw.rex.R) ||
         (modrm.mod == 3 && is_of_frame(modrm.rm, instruction.raw.rex.B));
}

// What is none of the usual ways to change a frame.
void ForgetWritten(const Decoded& code, CodeFrame* frame) {
  for (size_t i = 0; i < code.instruction.operand_count; ++i) {
    const ZydisDecodedOperand& operand = code[i];
    if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER) continue;
    if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) continue;
    const auto whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand.reg.value);
    if (whole == ZYDIS_REGISTER_RSP) frame->rsp = CodeFrame::kUnknown;
    if (whole == ZYDIS_REGISTER_RBP) OverwriteRbp(CodeFrame::kUnknown, frame);
  }
}

bool ApplyMove(const Decoded& code, CodeFrame* frame) {
  const bool to_rbp = IsRegister(code[0], ZYDIS_REGISTER_RBP);
  if (to_rbp && IsRegister(code[1], ZYDIS_REGISTER_RSP)) {
    OverwriteRbp(frame->rsp, frame);
  } else if (to_rbp && code[1].type == ZYDIS_OPERAND_TYPE_MEMORY) {
    LoadRbpFrom(DepthOf(code[1], *frame), frame);
  } else if (IsRegister(code[0], ZYDIS_REGISTER_RSP) && IsRegister(code[1], ZYDIS_REGISTER_RBP)) {
    frame->rsp = frame->rbp;
  } else if (code[0].type == ZYDIS_OPERAND_TYPE_MEMORY && IsRegister(code[1], ZYDIS_REGISTER_RBP)) {
    SaveRbpAt(DepthOf(code[0], *frame), frame);
  } else {
    return false;
  }
  return true;
}

bool ApplyLea(const Decoded& code, CodeFrame* frame) {
  const int32_t depth = DepthOf(code[1], *frame);
  if (IsRegister(code[0], ZYDIS_REGISTER_RSP)) {
    frame->rsp = depth;
  } else if (IsRegister(code[0], ZYDIS_REGISTER_RBP)) {
    OverwriteRbp(depth, frame);
  } else {
    return false;
  }
  return true;
}

// `sign` is 1 for sub, which makes the frame deeper.
bool ApplyArithmetic(const Decoded& code, int sign, CodeFrame* frame) {
  const auto bytes = SignedImmediate(code[1]);
  if (!bytes || !IsRegister(code[0], ZYDIS_REGISTER_RSP)) return false;
  frame->rsp = Plus(frame->rsp, int64_t{sign} * *bytes);
  return true;
}

bool ApplyUsual(const Decoded& code, CodeFrame* frame) {
  const bool is_word = code.instruction.operand_width == 64;
  switch (code.Mnemonic()) {
    case ZYDIS_MNEMONIC_PUSH:
    case ZYDIS_MNEMONIC_PUSHFQ:
      if (!is_word) return false;
      frame->rsp = Plus(frame->rsp, kPushBytes);
      if (IsRegister(code[0], ZYDIS_REGISTER_RBP)) SaveRbpAt(frame->rsp, frame);
      return true;
    case ZYDIS_MNEMONIC_POP:
    case ZYDIS_MNEMONIC_POPFQ:
      if (!is_word || IsRegister(code[0], ZYDIS_REGISTER_RSP)) return false;
      Pop(IsRegister(code[0], ZYDIS_REGISTER_RBP), frame);
      return true;
    case ZYDIS_MNEMONIC_LEAVE:
      frame->rsp = frame->rbp;
      Pop(true, frame);
      return true;
    case ZYDIS_MNEMONIC_MOV:
      return ApplyMove(code, frame);
    case ZYDIS_MNEMONIC_LEA:
      return ApplyLea(code, frame);
    case ZYDIS_MNEMONIC_SUB:
      return ApplyArithmetic(code, 1, frame);
    case ZYDIS_MNEMONIC_ADD:
      return ApplyArithmetic(code, -1, frame);
    default:
      return false;
  }
}

void SetJump(const Decoded& code, CodeStep* step) {
  const ZydisDecodedOperand& to = code[0];
  if (to.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && to.imm.is_relative) {
    step->target = int64_t{code.instruction.length} + to.imm.value.s;
  } else {
    step->is_dispatch = true;
  }
}

}  // namespace

std::optional<CodeStep> StepOver(std::span<const std::byte> code, const CodeFrame& before) {
  Decoded decoded;
  if (!decoded.ReadInstruction(code)) return std::nullopt;
  CodeStep step;
  step.after = before;
  step.bytes = decoded.instruction.length;
  switch (decoded.instruction.meta.category) {
    case ZYDIS_CATEGORY_CALL:  // comes back with rsp as it was
      step.is_call = true;
      return step;
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
      if (!decoded.ReadOperands()) return std::nullopt;
      SetJump(decoded, &step);
      step.goes_on = decoded.instruction.meta.category == ZYDIS_CATEGORY_COND_BR;
      return step;
    case ZYDIS_CATEGORY_NOP:
    case ZYDIS_CATEGORY_WIDENOP:
      step.is_filler = true;
      return step;
    case ZYDIS_CATEGORY_RET:
      step.goes_on = false;
      return step;
    default:
      break;
  }
  switch (decoded.Mnemonic()) {
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
      step.goes_on = false;
      return step;
    case ZYDIS_MNEMONIC_INT3:
      step.is_filler = true;
      step.goes_on = false;
      return step;
    case ZYDIS_MNEMONIC_SYSCALL:  // hidden operands name rsp in some revisions; the kernel gives it back
      return step;
    default:
      if (!MayConcernFrame(decoded)) return step;
      if (!decoded.ReadOperands()) return std::nullopt;
      if (!ApplyUsual(decoded, &step.after)) ForgetWritten(decoded, &step.after);
      return step;
  }
}

}  // namespace sonde::elf
