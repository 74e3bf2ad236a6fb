#include "agent/elf/dwarf/dwarf_lines.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "agent/elf/dwarf/function_names.h"
#include "agent/elf/dwarf/line_program.h"
#include "agent/elf/dwarf/line_table.h"
#include "agent/elf/dwarf/scope_walk.h"

namespace sonde::elf {
namespace {

// A unit's rows, and the files that they and its calls name.
class UnitLines {
 public:
  UnitLines(const DwarfUnit& unit, std::span<const uint64_t> addresses, WorkBudget* budget, SourceAnswers* answers)
      : rows_(addresses.size()), answers_(*answers) {
    if (!unit.Root().lines) return;
    auto table = LineTable::Read(unit, budget);
    absl::Status status = table.status();
    if (table.ok()) {
      table_.emplace(*std::move(table));
      status = FindRows(*table_, unit.File(), addresses, budget, rows_);
    }
    answers_.Fail(status);
  }

  const LineRow& RowOf(size_t index) const { return rows_[index]; }
  std::string_view FileAt(uint64_t number) {
    if (!table_) return {};
    auto [known, is_new] = files_.try_emplace(number);
    if (is_new) known->second = answers_.Keep(table_->FileAt(number));
    return known->second;
  }

 private:
  std::vector<LineRow> rows_;
  SourceAnswers& answers_;
  std::optional<LineTable> table_;
  absl::flat_hash_map<uint64_t, std::string_view> files_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SourceLines>> DwarfLines::Open(const ElfFile& file, const ElfFile* alternate) {
  auto dwarf = DwarfFile::Open(file, DwarfFile::Kind::kProgram);
  if (!dwarf.ok()) return dwarf.status();
  auto index = UnitIndex::Read(dwarf->get());
  if (!index.ok()) return index.status();
  auto lines = std::unique_ptr<DwarfLines>(new DwarfLines(*std::move(dwarf), *std::move(index)));
  if (alternate != nullptr) {
    // Without it only some names are missing.
    auto other = DwarfFile::Open(*alternate, DwarfFile::Kind::kProgram);
    if (other.ok()) lines->alternate_ = *std::move(other);
    lines->file_->alternate = lines->alternate_.get();
  }
  return lines;
}

std::vector<DwarfLines::Asked> DwarfLines::ByUnit(std::span<const uint64_t> vaddrs) const {
  std::vector<Asked> asked;
  for (uint32_t i = 0; i < vaddrs.size(); ++i) {
    if (auto unit = index_.UnitOf(vaddrs[i])) asked.push_back({*unit, vaddrs[i], i});
  }
  std::ranges::sort(asked, {}, [](const Asked& one) { return std::tuple(one.unit, one.vaddr); });
  return asked;
}

SourceAnswers DwarfLines::Answer(std::span<const uint64_t> vaddrs) {
  SourceAnswers answers;
  answers.Resize(vaddrs.size());
  WorkBudget budget;
  FunctionNames names(&answers, &budget);
  std::vector<Asked> asked = ByUnit(vaddrs);
  for (auto begin = asked.begin(); begin != asked.end();) {
    auto end = std::find_if(begin, asked.end(), [&](const Asked& one) { return one.unit != begin->unit; });
    AnswerUnit(std::span(begin, end), &names, &budget, &answers);
    begin = end;
  }
  return answers;
}

std::shared_ptr<const DwarfUnit> DwarfLines::UnitWithEntries(const std::shared_ptr<const DwarfUnit>& unit,
                                                             WorkBudget* budget, SourceAnswers* answers) const {
  if (unit->SplitId() == 0) return unit;
  std::shared_ptr<const DwarfUnit> split = split_units_.Find(unit, budget);
  if (split != nullptr) return split;
  const UnitRoot& root = unit->Root();
  answers->AddMissing(
      {answers->Keep(unit->Text(root.folder)), answers->Keep(unit->Text(root.split_name)), unit->SplitId()});
  return unit;
}

void DwarfLines::AnswerUnit(std::span<const Asked> asked, FunctionNames* names, WorkBudget* budget,
                            SourceAnswers* answers) {
  auto unit = file_->Unit(file_->Units()[asked.front().unit], budget);
  if (!unit.ok()) return answers->Fail(unit.status());
  std::vector<uint64_t> addresses;
  for (const Asked& one : asked) addresses.push_back(one.vaddr);
  UnitLines lines(**unit, addresses, budget, answers);
  std::shared_ptr<const DwarfUnit> entries = UnitWithEntries(*unit, budget, answers);
  ScopeWalk walk(*entries, addresses, budget);
  answers->Fail(walk.Run());
  std::vector<SourceFrame> frames;
  for (size_t i = 0; i < asked.size(); ++i) {
    const LineRow& row = lines.RowOf(i);
    uint64_t file = row.file;
    uint32_t line = row.line;
    bool has_line = row.is_set;
    frames.clear();
    for (uint32_t at = walk.Innermost()[i]; at != CodeScope::kNone; at = walk.Scopes()[at].parent) {
      const CodeScope& scope = walk.Scopes()[at];
      FunctionNames::Name name = names->Of(entries, scope.entry);
      bool is_inlined = scope.parent != CodeScope::kNone;
      frames.push_back({name.text, has_line ? lines.FileAt(file) : "", line, name.start_line, is_inlined});
      file = scope.call_file;
      line = scope.call_line;
      has_line = true;
    }
    if (frames.empty() && row.is_set) frames.push_back({{}, lines.FileAt(row.file), row.line, 0, false});
    answers->SetFrames(asked[i].index, frames);
  }
}

size_t DwarfLines::MemoryBytes() const {
  return sizeof(*this) + file_->MemoryBytes() + (alternate_ != nullptr ? alternate_->MemoryBytes() : 0) +
         index_.MemoryBytes() + split_units_.MemoryBytes();
}

}  // namespace sonde::elf
