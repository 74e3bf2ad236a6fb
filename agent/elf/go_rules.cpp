#include "agent/elf/go_rules.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "agent/elf/code_walk.h"
#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

static_assert(kMaxGoFunctions <= CodeRange::kMaxPosition);

constexpr uint32_t kMostLeaverBytes = 4'096;

bool IsOneOf(std::string_view name, std::span<const std::string_view> names) {
  constexpr std::string_view kAssemblyAbi = ".abi0";
  if (name.ends_with(kAssemblyAbi)) name.remove_suffix(kAssemblyAbi.size());
  return std::ranges::find(names, name) != names.end();
}

// Nothing called these: a goroutine's or thread's first function, and mcall, which begins anew on the scheduler's
// stack.
bool IsRoot(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kRoots = {"runtime.goexit", "runtime.mstart", "runtime.rt0_go",
                                                             "runtime.mcall",  "_rt0_amd64",     "_rt0_amd64_linux"};
  return IsOneOf(name, kRoots);
}

// What the kernel returns to from Go's signal handlers.
bool IsSignalReturn(std::string_view name) {
  static constexpr std::array<std::string_view, 2> kReturns = {"runtime.sigreturn", "runtime.sigreturn__sigaction"};
  return IsOneOf(name, kReturns);
}

// These leave their stack on the way, and the frame pointer too: for the scheduler's stack, to begin anew there and
// never return, or, gogo, for another goroutine's.
bool LeavesItsStack(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kLeavers = {"runtime.morestack", "runtime.morestack_noctxt",
                                                               "runtime.gogo"};
  return IsOneOf(name, kLeavers);
}
bool LeavesForAnotherGoroutine(std::string_view name) {
  static constexpr std::array<std::string_view, 1> kGogo = {"runtime.gogo"};
  return IsOneOf(name, kGogo);
}

}  // namespace

absl::StatusOr<std::unique_ptr<GoRules>> GoRules::Create(const ElfFile& file, const CodeMap& code, RuleEncoder* encoder,
                                                         CompileStatistics* statistics) {
  auto table = Pclntab::Read(file);
  if (!table.ok()) return table.status();
  std::optional<uint64_t> text = FindGoText(file, *table, code);
  if (!text) return absl::NotFoundError("no code fits the pclntab");
  return std::unique_ptr<GoRules>(new GoRules(*std::move(table), *text, file, code, encoder, statistics));
}

GoRules::GoRules(Pclntab table, uint64_t text, const ElfFile& file, const CodeMap& code, RuleEncoder* encoder,
                 CompileStatistics* statistics)
    : table_(std::move(table)),
      text_(text),
      code_(code),
      source_(file.Source()),
      window_(source_, code),
      encoder_(*encoder),
      statistics_(*statistics) {}

absl::Status GoRules::AddRanges(uint32_t source, std::vector<CodeRange>* ranges) {
  uint64_t end_before = 0;
  for (size_t i = 0; i < table_.FunctionCount(); ++i) {
    std::optional<GoFunction> function = table_.FunctionAt(i);
    // Rising functions cannot share code, so all of them together have no more steps than code has bytes.
    if (!function || function->deltas == 0 || function->begin < end_before) continue;
    end_before = function->end;
    auto in_file = code_.Find(text_ + function->begin, function->end - function->begin);
    if (!in_file) continue;
    ranges->push_back(RangeOf(*in_file, i, source));
  }
  return absl::OkStatus();
}

void GoRules::Write(const CodeRange& range, RangeWriter* writer) {
  std::optional<GoFunction> function = table_.FunctionAt(range.position);
  ++statistics_.fdes;
  ++statistics_.go_functions;
  if (!function) return;
  if (IsRoot(function->name)) {
    writer->Set(range.offset, CommandRule(abi::UNWIND_BOTTOM));
  } else if (IsSignalReturn(function->name)) {
    writer->Set(range.offset, CommandRule(abi::UNWIND_SIGNAL));
  } else if (LeavesItsStack(function->name)) {
    WriteUntilItLeaves(*function, range, writer);
  } else {
    WriteDeltas(*function, range.offset - function->begin, writer);
  }
}

// Up to where its code takes rsp from elsewhere the function has the frame of its caller's call.
void GoRules::WriteUntilItLeaves(const GoFunction& function, const CodeRange& range, RangeWriter* writer) {
  const uint16_t after =
      LeavesForAnotherGoroutine(function.name) ? encoder_.Bad(BadRule::kStackSwitch) : CommandRule(abi::UNWIND_BOTTOM);
  constexpr uint16_t kAtEntry = 1 << UNWIND_RULE_CFA_SHIFT;
  std::vector<std::byte> code(std::min(range.size, kMostLeaverBytes));
  if (!source_.ReadAt(range.offset, code)) return writer->Set(range.offset, encoder_.Bad(BadRule::kStackSwitch));
  CodeWalk walk;
  writer->Set(range.offset, kAtEntry);
  for (const FrameChange& change : walk.Follow(code)) {
    const bool is_left = !change.frame || change.frame->rsp == CodeFrame::kUnknown;
    writer->Set(uint64_t{range.offset} + change.begin, is_left ? after : kAtEntry);
  }
}

std::optional<GoFrame> GoRules::FrameOf(const GoFunction& function) {
  auto step = FirstFrameStep(table_.Deltas(function));
  if (!step || step->begin == 0) return std::nullopt;
  std::span<const std::byte> code = window_.At(text_ + step->begin - 1, kGoPrologueBytes);
  return RecognizeGoFrame(*step, code);
}

// Deltas end where the code does; what is left of the function is padding, and goes with the last of them.
void GoRules::WriteDeltas(const GoFunction& function, uint64_t bias, RangeWriter* writer) {
  std::optional<GoFrame> frame = FrameOf(function);
  StackDeltas deltas = table_.Deltas(function);
  while (auto step = deltas.Next()) {
    writer->Set(step->begin + bias, RuleAt(function, frame, step->begin, step->delta));
    if (!frame) continue;
    for (uint64_t change : {frame->saved_from, frame->pointer_from}) {
      if (change <= step->begin || change >= step->end) continue;
      writer->Set(change + bias, RuleAt(function, frame, change, step->delta));
    }
  }
}

uint16_t GoRules::RuleAt(const GoFunction& function, const std::optional<GoFrame>& frame, uint64_t at, int64_t delta) {
  constexpr int64_t kWordBytes = 8;
  constexpr int64_t kMostDelta = INT32_MAX - kWordBytes;
  bool has_pointer = frame && frame->pointer_from != 0;
  if (function.writes_sp && !has_pointer) return encoder_.Bad(BadRule::kStackSwitch);
  if (function.writes_sp && at >= frame->pointer_from && delta != 0) return CommandRule(abi::UNWIND_OTHER_STACK);
  if (delta < 0 || delta > kMostDelta) return encoder_.Bad(BadRule::kCfaRange);
  CfiState state;
  state.cfa = {CfaState::Kind::kRegister, kDwarfRsp, delta + kWordBytes, {}};
  state.return_address = {RegisterState::Kind::kAtCfa, 0, -kWordBytes, {}};
  if (delta != 0 && !frame) state.rbp.kind = RegisterState::Kind::kUndefined;
  if (delta != 0 && frame && at >= frame->saved_from) state.rbp = {RegisterState::Kind::kAtCfa, 0, -2 * kWordBytes, {}};
  return encoder_.Encode(&state, false);
}

}  // namespace sonde::elf
