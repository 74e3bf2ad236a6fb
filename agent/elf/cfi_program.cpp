#include "agent/elf/cfi_program.h"

#include "agent/elf/pointer_encoding.h"

namespace sonde::elf {
namespace {

// DW_CFA_*. The upper two bits of the first three are the opcode, the lower six an operand.
enum CfaOpcode : uint8_t {
  kAdvanceLoc = 0x40,
  kOffset = 0x80,
  kRestore = 0xC0,
  kNop = 0x00,
  kSetLoc = 0x01,
  kAdvanceLoc1 = 0x02,
  kAdvanceLoc2 = 0x03,
  kAdvanceLoc4 = 0x04,
  kOffsetExtended = 0x05,
  kRestoreExtended = 0x06,
  kUndefined = 0x07,
  kSameValue = 0x08,
  kRegister = 0x09,
  kRememberState = 0x0A,
  kRestoreState = 0x0B,
  kDefCfa = 0x0C,
  kDefCfaRegister = 0x0D,
  kDefCfaOffset = 0x0E,
  kDefCfaExpression = 0x0F,
  kExpression = 0x10,
  kOffsetExtendedSf = 0x11,
  kDefCfaSf = 0x12,
  kDefCfaOffsetSf = 0x13,
  kValOffset = 0x14,
  kValOffsetSf = 0x15,
  kValExpression = 0x16,
  kAdvanceLoc8 = 0x1D,
  kGnuArgsSize = 0x2E,
  kGnuNegativeOffsetExtended = 0x2F,
};

constexpr uint8_t kPackedOpcode = 0xC0;
constexpr uint8_t kPackedOperand = 0x3F;

}  // namespace

std::optional<CfiState> CfiProgram::RunCie(const Cie& cie) {
  Fde whole;
  whole.size = 1;
  whole.instructions = cie.instructions;
  static const CfiState kNothing;
  Start(cie, kNothing, whole);
  if (!RunToNextLocation() || next_location_ != end_ || !cursor_.AtEnd()) return std::nullopt;
  return state_;
}

void CfiProgram::Start(const Cie& cie, const CfiState& initial, const Fde& fde) {
  initial_ = &initial;
  code_align_ = cie.code_align;
  data_align_ = static_cast<uint64_t>(cie.data_align);
  address_encoding_ = cie.address_encoding;
  cursor_ = ByteCursor(fde.instructions);
  state_ = initial;
  location_ = next_location_ = fde.vaddr;
  end_ = fde.vaddr + fde.size;
  is_broken_ = false;
  remembered_count_ = 0;
}

std::optional<CfiRow> CfiProgram::Next() {
  location_ = next_location_;
  if (location_ >= end_) return std::nullopt;
  if (!is_broken_) is_broken_ = !RunToNextLocation();
  if (is_broken_) next_location_ = end_;
  return CfiRow{location_, next_location_, is_broken_ ? nullptr : &state_};
}

bool CfiProgram::RunToNextLocation() {
  while (!cursor_.AtEnd()) {
    uint8_t opcode = cursor_.Byte();
    bool is_known = Step(opcode);
    if (!is_known || !cursor_.Ok()) return false;
    if (next_location_ != location_) return true;
  }
  next_location_ = end_;
  return true;
}

bool CfiProgram::Step(uint8_t opcode) {
  uint8_t operand = opcode & kPackedOperand;
  switch (opcode & kPackedOpcode) {
    case kAdvanceLoc:
      return Advance(operand);
    case kOffset:
      return SetRegister(operand, {Kind::kAtCfa, 0, Factored(cursor_.Uleb()), {}});
    case kRestore:
      return Restore(operand);
  }
  switch (opcode) {
    case kNop:
      return true;
    case kSetLoc:
      return SetLocation();
    case kAdvanceLoc1:
      return Advance(cursor_.Byte());
    case kAdvanceLoc2:
      return Advance(cursor_.Read<uint16_t>());
    case kAdvanceLoc4:
      return Advance(cursor_.Read<uint32_t>());
    case kAdvanceLoc8:
      return Advance(cursor_.Read<uint64_t>());
    case kRememberState:
      return Remember();
    case kRestoreState:
      return RestoreState();
    case kGnuArgsSize:
      cursor_.Uleb();
      return true;
    default:
      return StepCfa(opcode);
  }
}

bool CfiProgram::StepCfa(uint8_t opcode) {
  uint64_t reg = state_.cfa.reg;
  switch (opcode) {
    case kDefCfa:
      reg = cursor_.Uleb();
      return SetCfa(reg, static_cast<int64_t>(cursor_.Uleb()));
    case kDefCfaSf:
      reg = cursor_.Uleb();
      return SetCfa(reg, Factored(static_cast<uint64_t>(cursor_.Sleb())));
    case kDefCfaRegister:
      return ChangeCfa(cursor_.Uleb(), state_.cfa.offset);
    case kDefCfaOffset:
      return ChangeCfa(reg, static_cast<int64_t>(cursor_.Uleb()));
    case kDefCfaOffsetSf:
      return ChangeCfa(reg, Factored(static_cast<uint64_t>(cursor_.Sleb())));
    case kDefCfaExpression:
      return SetCfaExpression();
    default:
      return StepRegister(opcode);
  }
}

bool CfiProgram::StepRegister(uint8_t opcode) {
  if (opcode == kExpression) return SetExpression(Kind::kAtExpression);
  if (opcode == kValExpression) return SetExpression(Kind::kIsExpression);
  uint64_t reg = cursor_.Uleb();
  switch (opcode) {
    case kOffsetExtended:
      return SetRegister(reg, {Kind::kAtCfa, 0, Factored(cursor_.Uleb()), {}});
    case kOffsetExtendedSf:
      return SetRegister(reg, {Kind::kAtCfa, 0, Factored(static_cast<uint64_t>(cursor_.Sleb())), {}});
    case kGnuNegativeOffsetExtended:
      return SetRegister(reg, {Kind::kAtCfa, 0, Factored(0 - cursor_.Uleb()), {}});
    case kValOffset:
      return SetRegister(reg, {Kind::kIsCfa, 0, Factored(cursor_.Uleb()), {}});
    case kValOffsetSf:
      return SetRegister(reg, {Kind::kIsCfa, 0, Factored(static_cast<uint64_t>(cursor_.Sleb())), {}});
    case kRestoreExtended:
      return Restore(reg);
    case kUndefined:
      return SetRegister(reg, {Kind::kUndefined, 0, 0, {}});
    case kSameValue:
      return SetRegister(reg, {Kind::kSame, 0, 0, {}});
    case kRegister:
      return SetRegister(reg, {Kind::kInRegister, cursor_.Uleb(), 0, {}});
    default:
      return false;
  }
}

bool CfiProgram::Advance(uint64_t delta) {
  uint64_t bytes = 0;
  bool overflows = __builtin_mul_overflow(delta, code_align_, &bytes);
  next_location_ = overflows || bytes > end_ - location_ ? end_ : location_ + bytes;
  return true;
}

bool CfiProgram::SetLocation() {
  auto own = static_cast<uint64_t>(cursor_.Position() - section_.bytes.data());
  auto to = ReadEncodedPointer(address_encoding_, section_.vaddr + own, std::nullopt, &cursor_);
  if (!to || *to < location_) return false;
  next_location_ = *to > end_ ? end_ : *to;
  return true;
}

bool CfiProgram::SetCfa(uint64_t reg, int64_t offset) {
  state_.cfa = {CfaState::Kind::kRegister, reg, offset, {}};
  return true;
}

bool CfiProgram::ChangeCfa(uint64_t reg, int64_t offset) {
  return state_.cfa.kind == CfaState::Kind::kRegister && SetCfa(reg, offset);
}

bool CfiProgram::SetCfaExpression() {
  state_.cfa = {CfaState::Kind::kExpression, 0, 0, TakeExpression()};
  return true;
}

bool CfiProgram::SetRegister(uint64_t reg, const RegisterState& state) {
  if (reg == kDwarfRbp) state_.rbp = state;
  if (reg == kDwarfRsp) state_.rsp = state;
  if (reg == kDwarfReturnAddress) state_.return_address = state;
  return true;
}

bool CfiProgram::SetExpression(Kind kind) {
  uint64_t reg = cursor_.Uleb();
  return SetRegister(reg, {kind, 0, 0, TakeExpression()});
}

bool CfiProgram::Restore(uint64_t reg) {
  if (reg == kDwarfRbp) state_.rbp = initial_->rbp;
  if (reg == kDwarfRsp) state_.rsp = initial_->rsp;
  if (reg == kDwarfReturnAddress) state_.return_address = initial_->return_address;
  return true;
}

bool CfiProgram::Remember() {
  if (remembered_count_ == remembered_.size()) return false;
  remembered_[remembered_count_++] = state_;
  return true;
}

bool CfiProgram::RestoreState() {
  if (remembered_count_ == 0) return false;
  state_ = remembered_[--remembered_count_];
  return true;
}

}  // namespace sonde::elf
