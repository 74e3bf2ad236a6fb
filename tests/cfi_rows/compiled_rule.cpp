#include "compiled_rule.h"

namespace sonde::cfi_rows {
namespace {

uint64_t Add(uint64_t base, int64_t offset) { return base + static_cast<uint64_t>(offset); }

WalkedFrame WalkPlt(const ArbitraryMachine& machine, uint64_t threshold) {
  uint64_t rsp = machine.registers[UNWIND_RSP];
  uint64_t cfa = rsp + 8 + ((machine.registers[16] & 15) >= threshold ? 8 : 0);
  return {.cfa = cfa, .rbp = machine.registers[UNWIND_RBP], .return_address = machine.Load(cfa - 8)};
}

WalkedFrame WalkSignal(const ArbitraryMachine& machine) {
  uint64_t context = machine.registers[UNWIND_RSP];
  return {.cfa = machine.Load(context + 160),
          .rbp = machine.Load(context + 120),
          .return_address = machine.Load(context + 168)};
}

WalkedFrame WalkFramePointer(const ArbitraryMachine& machine) {
  uint64_t cfa = machine.registers[UNWIND_RBP] + 16;
  return {.cfa = cfa, .rbp = machine.Load(cfa - 16), .return_address = machine.Load(cfa - 8)};
}

WalkedFrame WalkEscape(const abi::unwind_escape& escape, const ArbitraryMachine& machine) {
  WalkedFrame frame;
  frame.cfa = Add(machine.registers[escape.cfa_register], escape.cfa_offset);
  bool is_loaded = (escape.flags & abi::UNWIND_CFA_LOADED) != 0;
  if (is_loaded) frame.cfa = Add(machine.Load(frame.cfa), escape.cfa_addend);
  frame.return_address = machine.Load(Add(frame.cfa, is_loaded ? -8 : escape.ra_offset));
  if ((escape.flags & abi::UNWIND_RA_IN_REGISTER) != 0) frame.return_address = machine.registers[escape.ra_register];
  frame.rbp = machine.registers[UNWIND_RBP];
  frame.knows_rbp = (escape.flags & abi::UNWIND_RBP_UNKNOWN) == 0;
  if ((escape.flags & abi::UNWIND_RBP_SAVED) == 0) return frame;
  bool is_elsewhere = (escape.flags & abi::UNWIND_RBP_FROM_REGISTER) != 0;
  frame.rbp = machine.Load(Add(is_elsewhere ? machine.registers[escape.rbp_register] : frame.cfa, escape.rbp_offset));
  return frame;
}

WalkedFrame WalkDirect(uint16_t rule, const ArbitraryMachine& machine) {
  WalkedFrame frame;
  uint64_t base = machine.registers[(rule & UNWIND_RULE_FROM_RBP) != 0 ? UNWIND_RBP : UNWIND_RSP];
  frame.cfa = base + (rule >> UNWIND_RULE_CFA_SHIFT & UNWIND_RULE_CFA_WORDS) * 8;
  frame.return_address = machine.Load(frame.cfa - 8);
  unsigned saved = rule & UNWIND_RULE_RBP;
  frame.rbp = saved == UNWIND_RBP_KEPT ? machine.registers[UNWIND_RBP] : machine.Load(frame.cfa - uint64_t{8} * saved);
  return frame;
}

}  // namespace

RuleKind Walk(uint16_t rule, std::span<const abi::unwind_escape> escapes, const ArbitraryMachine& machine,
              WalkedFrame* frame) {
  if ((rule & UNWIND_RULE_RBP) != UNWIND_RBP_ESCAPE) {
    *frame = WalkDirect(rule, machine);
    return RuleKind::kFrame;
  }
  unsigned index = rule >> UNWIND_RULE_CFA_SHIFT;
  if (index >= abi::UNWIND_COMMANDS) {
    if (index - abi::UNWIND_COMMANDS >= escapes.size()) return RuleKind::kBad;
    *frame = WalkEscape(escapes[index - abi::UNWIND_COMMANDS], machine);
    return RuleKind::kFrame;
  }
  switch (index) {
    case abi::UNWIND_UNCOVERED:
      return RuleKind::kUncovered;
    case abi::UNWIND_BOTTOM:
      *frame = {.is_bottom = true};
      return RuleKind::kFrame;
    case abi::UNWIND_PLT_10:
      *frame = WalkPlt(machine, 10);
      return RuleKind::kFrame;
    case abi::UNWIND_PLT_11:
      *frame = WalkPlt(machine, 11);
      return RuleKind::kFrame;
    case abi::UNWIND_SIGNAL:
      *frame = WalkSignal(machine);
      return RuleKind::kFrame;
    case abi::UNWIND_FRAME_POINTER:
    case abi::UNWIND_OTHER_STACK:
      *frame = WalkFramePointer(machine);
      return RuleKind::kFrame;
    default:
      return RuleKind::kBad;
  }
}

}  // namespace sonde::cfi_rows
