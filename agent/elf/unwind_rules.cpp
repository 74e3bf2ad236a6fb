#include "agent/elf/unwind_rules.h"

#include <array>
#include <bit>
#include <limits>

#include "agent/elf/unwind_table.h"

namespace sonde::elf {
namespace {

using RegisterKind = RegisterState::Kind;
using ValueKind = LinearValue::Kind;

constexpr int64_t kWord = 8;
// In the kernel's signal frame: offsets from rsp of the interrupted rbp, rsp and rip (struct ucontext, uc_mcontext).
constexpr int64_t kSignalRbp = 120;
constexpr int64_t kSignalRsp = 160;
constexpr int64_t kSignalRip = 168;

bool FitsInt32(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max();
}

bool IsKept(const RegisterState& rbp) {
  return rbp.kind == RegisterKind::kUnspecified || rbp.kind == RegisterKind::kSame ||
         (rbp.kind == RegisterKind::kInRegister && rbp.reg == kDwarfRbp);
}

// Bits 0-4 of a direct rule, when the caller's rbp is where such a rule can say.
std::optional<unsigned> DirectRbp(const RegisterState& rbp) {
  if (IsKept(rbp)) return UNWIND_RBP_KEPT;
  if (rbp.kind != RegisterKind::kAtCfa || rbp.offset % kWord != 0) return std::nullopt;
  if (rbp.offset > -2 * kWord || rbp.offset < -31 * kWord) return std::nullopt;
  return static_cast<unsigned>(-rbp.offset / kWord);
}

std::optional<uint16_t> DirectRule(uint64_t reg, int64_t offset, const RegisterState& rbp) {
  if (reg != kDwarfRsp && reg != kDwarfRbp) return std::nullopt;
  if (offset < 0 || offset % kWord != 0 || offset / kWord > int64_t{UNWIND_RULE_CFA_WORDS}) return std::nullopt;
  std::optional<unsigned> saved = DirectRbp(rbp);
  if (!saved) return std::nullopt;
  unsigned base = reg == kDwarfRbp ? UNWIND_RULE_FROM_RBP : 0;
  return static_cast<uint16_t>(base | static_cast<unsigned>(offset / kWord) << UNWIND_RULE_CFA_SHIFT | *saved);
}

std::optional<LinearValue> LinearCfa(const CfaState& cfa) {
  if (cfa.kind == CfaState::Kind::kExpression) return EvaluateLinear(cfa.expression, std::nullopt);
  return LinearValue{ValueKind::kRegister, cfa.reg, cfa.offset, 0};
}

// `value` counted from the CFA, where both are the same register plus something.
LinearValue FromCfa(LinearValue value, const LinearValue& cfa) {
  bool is_near = value.kind == ValueKind::kRegister && cfa.kind == ValueKind::kRegister && value.reg == cfa.reg;
  if (!is_near) return value;
  value.offset = static_cast<int64_t>(static_cast<uint64_t>(value.offset) - static_cast<uint64_t>(cfa.offset));
  value.reg = kCfaAsRegister;
  return value;
}

std::optional<LinearValue> LinearOf(const RegisterState& state, const LinearValue& cfa) {
  auto value = EvaluateLinear(state.expression, LinearValue{ValueKind::kRegister, kCfaAsRegister, 0, 0});
  if (!value) return std::nullopt;
  return FromCfa(*value, cfa);
}

bool IsStackPointerTheCfa(const RegisterState& rsp, const LinearValue& cfa) {
  switch (rsp.kind) {
    case RegisterKind::kUnspecified:
      return true;
    case RegisterKind::kIsCfa:
      return rsp.offset == 0;
    case RegisterKind::kIsExpression: {
      auto value = LinearOf(rsp, cfa);
      return value && (*value == cfa || *value == LinearValue{ValueKind::kRegister, kCfaAsRegister, 0, 0});
    }
    case RegisterKind::kAtExpression: {
      auto address = LinearOf(rsp, cfa);
      if (!address || address->kind != ValueKind::kRegister) return false;
      return cfa == LinearValue{ValueKind::kLoaded, address->reg, address->offset, 0};
    }
    default:
      return false;
  }
}

bool IsAtRspPlus(const RegisterState& state, int64_t offset) {
  return state.kind == RegisterKind::kAtExpression &&
         EvaluateLinear(state.expression, std::nullopt) == LinearValue{ValueKind::kRegister, kDwarfRsp, offset, 0};
}

bool IsKernelSignalFrame(const LinearValue& cfa, const CfiState& state) {
  return cfa == LinearValue{ValueKind::kLoaded, kDwarfRsp, kSignalRsp, 0} && IsAtRspPlus(state.rbp, kSignalRbp) &&
         IsAtRspPlus(state.return_address, kSignalRip);
}

bool IsKnownRegister(uint64_t reg) { return reg < UNWIND_REGISTERS; }

std::optional<BadRule> SetCfa(const LinearValue& cfa, abi::unwind_escape* escape) {
  if (cfa.kind == ValueKind::kConstant) return BadRule::kCfaExpression;
  if (!IsKnownRegister(cfa.reg) || !FitsInt32(cfa.offset) || !FitsInt32(cfa.addend)) return BadRule::kCfaRange;
  escape->cfa_register = static_cast<uint8_t>(cfa.reg);
  escape->cfa_offset = static_cast<int32_t>(cfa.offset);
  if (cfa.kind == ValueKind::kLoaded) {
    escape->flags |= abi::UNWIND_CFA_LOADED;
    escape->cfa_addend = static_cast<int32_t>(cfa.addend);
  }
  return std::nullopt;
}

void SetRbp(const RegisterState& rbp, const LinearValue& cfa, abi::unwind_escape* escape) {
  if (IsKept(rbp)) return;
  LinearValue at{ValueKind::kRegister, kCfaAsRegister, rbp.offset, 0};
  if (rbp.kind == RegisterKind::kAtExpression) {
    at = LinearOf(rbp, cfa).value_or(LinearValue{});
  } else if (rbp.kind != RegisterKind::kAtCfa) {
    at = LinearValue{};
  }
  bool is_from_cfa = at.reg == kCfaAsRegister;
  if (at.kind != ValueKind::kRegister || !FitsInt32(at.offset) || (!is_from_cfa && !IsKnownRegister(at.reg))) {
    escape->flags |= abi::UNWIND_RBP_UNKNOWN;
    return;
  }
  escape->flags |= abi::UNWIND_RBP_SAVED;
  escape->rbp_offset = static_cast<int32_t>(at.offset);
  if (is_from_cfa) return;
  escape->flags |= abi::UNWIND_RBP_FROM_REGISTER;
  escape->rbp_register = static_cast<uint8_t>(at.reg);
}

// False: not where an escape can say.
bool SetReturnAddress(const RegisterState& state, const LinearValue& cfa, abi::unwind_escape* escape) {
  if (state.kind == RegisterKind::kInRegister) {
    escape->flags |= abi::UNWIND_RA_IN_REGISTER;
    escape->ra_register = static_cast<uint8_t>(state.reg);
    return IsKnownRegister(state.reg);
  }
  LinearValue at{ValueKind::kRegister, kCfaAsRegister, state.offset, 0};
  if (state.kind == RegisterKind::kAtExpression) {
    at = LinearOf(state, cfa).value_or(LinearValue{});
  } else if (state.kind != RegisterKind::kAtCfa) {
    return false;
  }
  if (at.kind != ValueKind::kRegister || at.reg != kCfaAsRegister || !FitsInt32(at.offset)) return false;
  if ((escape->flags & abi::UNWIND_CFA_LOADED) != 0) return at.offset == -kWord;
  escape->ra_offset = static_cast<int32_t>(at.offset);
  return true;
}

}  // namespace

uint16_t RuleEncoder::Bad(BadRule cause) {
  ++statistics_[cause];
  return CommandRule(abi::UNWIND_BAD_RULE);
}

uint16_t RuleEncoder::Encode(const CfiState* state, bool is_signal_frame) {
  if (state == nullptr) return Bad(BadRule::kInstruction);
  const RegisterState& ra = state->return_address;
  bool is_plain = state->cfa.kind == CfaState::Kind::kRegister && ra.kind == RegisterKind::kAtCfa &&
                  ra.offset == -kWord && state->rsp.kind == RegisterKind::kUnspecified;
  if (is_plain) {
    if (auto rule = DirectRule(state->cfa.reg, state->cfa.offset, state->rbp)) return *rule;
  }
  return EncodeRare(*state, is_signal_frame);
}

uint16_t RuleEncoder::EncodeRare(const CfiState& state, bool is_signal_frame) {
  if (state.return_address.kind == RegisterKind::kUndefined) return CommandRule(abi::UNWIND_BOTTOM);
  if (state.cfa.kind == CfaState::Kind::kUndefined) return Bad(BadRule::kCfaUndefined);
  bool is_plt_rest = IsKept(state.rbp) && state.return_address.kind == RegisterKind::kAtCfa &&
                     state.return_address.offset == -kWord && state.rsp.kind == RegisterKind::kUnspecified;
  if (auto threshold = PltThreshold(state.cfa.expression); threshold && is_plt_rest) {
    if (*threshold == 10) return CommandRule(abi::UNWIND_PLT_10);
    if (*threshold == 11) return CommandRule(abi::UNWIND_PLT_11);
  }
  std::optional<LinearValue> cfa = LinearCfa(state.cfa);
  if (!cfa) return Bad(BadRule::kCfaExpression);
  if (IsKernelSignalFrame(*cfa, state)) return CommandRule(abi::UNWIND_SIGNAL);
  if (is_signal_frame && cfa->kind == ValueKind::kLoaded) return Bad(BadRule::kSignalFrame);
  if (!IsStackPointerTheCfa(state.rsp, *cfa)) return Bad(BadRule::kStackPointer);
  return EncodeEscape(*cfa, state);
}

uint16_t RuleEncoder::EncodeEscape(const LinearValue& cfa, const CfiState& state) {
  abi::unwind_escape escape{};
  if (auto cause = SetCfa(cfa, &escape)) return Bad(*cause);
  if (!SetReturnAddress(state.return_address, cfa, &escape)) return Bad(BadRule::kReturnAddress);
  // An expression may come to what a direct rule says.
  bool is_plain = escape.flags == 0 && escape.ra_offset == -kWord;
  if (is_plain) {
    if (auto rule = DirectRule(cfa.reg, cfa.offset, state.rbp)) return *rule;
  }
  SetRbp(state.rbp, cfa, &escape);
  return IndexOf(escape);
}

uint16_t RuleEncoder::IndexOf(const abi::unwind_escape& escape) {
  auto words = std::bit_cast<std::array<uint64_t, 2>>(escape);
  auto [found, is_new] = indexes_.try_emplace({words[0], words[1]}, static_cast<uint16_t>(escapes_.size()));
  if (is_new && escapes_.size() == kMaxUnwindEscapes) {
    indexes_.erase(found);
    return Bad(BadRule::kEscapesFull);
  }
  if (is_new) escapes_.push_back(escape);
  unsigned index = abi::UNWIND_COMMANDS + found->second;
  return static_cast<uint16_t>(index << UNWIND_RULE_CFA_SHIFT | UNWIND_RBP_ESCAPE);
}

}  // namespace sonde::elf
