#include "agent/elf/code_rules.h"

#include <algorithm>

#include "agent/elf/limits.h"

namespace sonde::elf {

bool IsSplitOff(std::string_view name) {
  return name.ends_with(".cold") || name.find(".cold.") != std::string_view::npos;
}

absl::Status CodeRules::AddRanges(uint32_t source, std::vector<CodeRange>* ranges) {
  auto symbols = SymbolTable::Read(file_);
  if (!symbols.ok()) return symbols.status();
  symbols_ = *std::move(symbols);
  uint64_t covered_end = 0;
  for (size_t i = 0; i < symbols_->Size(); ++i) {
    const Symbol function = symbols_->ExtentAt(i);
    const auto code = code_.Find(function.vaddr, function.size);
    if (!code || code->size > kMaxFollowedBytes || code->file_offset < covered_end) continue;
    covered_end = code->file_offset + code->size;
    ranges->push_back(RangeOf(*code, i, source));
  }
  return absl::OkStatus();
}

uint16_t CodeRules::RuleOf(const FrameChange& change) {
  constexpr int64_t kWordBytes = 8;
  if (!change.frame) return CommandRule(abi::UNWIND_UNCOVERED);
  const CodeFrame& frame = *change.frame;
  CfiState state;
  state.return_address = {RegisterState::Kind::kAtCfa, 0, -kWordBytes, {}};
  // Callees of other conventions take their arguments off the stack: a frame pointer is believed before rsp is.
  if (frame.HasFramePointer()) {
    state.cfa = {CfaState::Kind::kRegister, kDwarfRbp, frame.rbp, {}};
  } else if (frame.rsp != CodeFrame::kUnknown) {
    state.cfa = {CfaState::Kind::kRegister, kDwarfRsp, frame.rsp, {}};
  }
  if (!frame.is_rbp_kept) state.rbp.kind = RegisterState::Kind::kUndefined;
  if (!frame.is_rbp_kept && frame.saved_rbp != 0) {
    state.rbp = {RegisterState::Kind::kAtCfa, 0, -int64_t{frame.saved_rbp}, {}};
  }
  return encoder_.Encode(&state, false);
}

std::span<const FrameChange> CodeRules::Follow(const CodeRange& range) {
  const auto name = symbols_->NameAt(range.position);
  bytes_.resize(range.size);
  if (!name || IsSplitOff(*name) || !file_.Source().ReadAt(range.offset, bytes_)) return {};
  return walk_.Follow(bytes_);
}

void CodeRules::Write(const CodeRange& range, RangeWriter* writer) {
  const std::span<const FrameChange> changes = Follow(range);
  if (changes.empty()) return writer->Set(range.offset, CommandRule(abi::UNWIND_UNCOVERED));
  ++statistics_.followed_functions;
  statistics_.followed_bytes += range.size;
  for (const FrameChange& change : changes) writer->Set(uint64_t{range.offset} + change.begin, RuleOf(change));
}

}  // namespace sonde::elf
