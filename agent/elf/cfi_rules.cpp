#include "agent/elf/cfi_rules.h"

#include <algorithm>

#include "agent/elf/limits.h"

namespace sonde::elf {
namespace {

// Another threshold than those that have a command of their own.
std::optional<unsigned> RarePltThreshold(const CfiState* state) {
  if (state == nullptr || state->cfa.kind != CfaState::Kind::kExpression) return std::nullopt;
  auto threshold = PltThreshold(state->cfa.expression);
  return threshold == 10 || threshold == 11 ? std::nullopt : threshold;
}

}  // namespace

static_assert(kMaxCfiBytes <= CodeRange::kMaxPosition);

CfiRules::CfiRules(const CfiSection& section, const CodeMap& code, RuleEncoder* encoder, CompileStatistics* statistics)
    : section_(section),
      code_(code),
      encoder_(*encoder),
      statistics_(*statistics),
      reader_(section, statistics),
      program_(section) {}

absl::Status CfiRules::AddRanges(uint32_t source, std::vector<CodeRange>* ranges) {
  statistics_.cfi_bytes += section_.bytes.size();
  while (auto fde = reader_.Next()) {
    if (ranges->size() >= kMaxFdes) return absl::ResourceExhaustedError("too many FDEs");
    auto in_file = code_.Find(fde->vaddr, fde->size);
    bool is_discarded = section_.is_debug_frame && fde->vaddr == 0;
    if (fde->size == 0 || !in_file || is_discarded) {
      ++statistics_[fde->size == 0 ? CfiSkip::kEmpty : CfiSkip::kNotInCode].fdes;
      continue;
    }
    ranges->push_back(RangeOf(*in_file, fde->position, source));
  }
  return absl::OkStatus();
}

const std::optional<CfiState>& CfiRules::InitialState(uint32_t cie) {
  while (initial_states_.size() <= cie) {
    initial_states_.push_back(program_.RunCie(reader_.CieAt(static_cast<uint32_t>(initial_states_.size()))));
  }
  return initial_states_[cie];
}

uint16_t CfiRules::RuleOf(const CfiRow& row, const Cie& cie) {
  if (cie.return_column != kDwarfReturnAddress) return encoder_.Bad(BadRule::kReturnColumn);
  return encoder_.Encode(row.state, cie.is_signal_frame);
}

void CfiRules::Write(const CodeRange& range, RangeWriter* writer) {
  Fde fde = reader_.FdeAt(range.position);
  const Cie& cie = reader_.CieAt(fde.cie);
  const std::optional<CfiState>& initial = InitialState(fde.cie);
  ++statistics_.fdes;
  if (!initial) return writer->Set(range.offset, encoder_.Bad(BadRule::kInstruction));
  program_.Start(cie, *initial, fde);
  uint64_t bias = range.offset - fde.vaddr;
  while (auto row = program_.Next()) {
    if (row->begin + bias >= range.End()) break;
    if (auto threshold = RarePltThreshold(row->state)) {
      ExpandPlt(*row, *threshold, bias, writer);
    } else {
      writer->Set(row->begin + bias, RuleOf(*row, cie));
    }
  }
}

void CfiRules::ExpandPlt(const CfiRow& row, unsigned threshold, uint64_t bias, RangeWriter* writer) {
  constexpr uint64_t kEntryBytes = 16;
  plt_bytes_ += row.end - row.begin;
  if (plt_bytes_ > kMaxPltBytes) return writer->Set(row.begin + bias, encoder_.Bad(BadRule::kCfaExpression));
  CfiState state = *row.state;
  state.cfa = {CfaState::Kind::kRegister, kDwarfRsp, 8, {}};
  uint16_t before = encoder_.Encode(&state, false);
  state.cfa.offset = 16;
  uint16_t after = encoder_.Encode(&state, false);
  for (uint64_t entry = row.begin & ~(kEntryBytes - 1); entry < row.end; entry += kEntryBytes) {
    if (!writer->IsWithinLimits()) return;
    if (entry + threshold > row.begin) writer->Set(std::max(entry, row.begin) + bias, before);
    if (entry + threshold < row.end) writer->Set(std::max(entry + threshold, row.begin) + bias, after);
  }
}

}  // namespace sonde::elf
