#include "agent/elf/golang/go_lines.h"

#include "agent/elf/dwarf/dwarf_lines.h"
#include "agent/elf/limits.h"

namespace sonde::elf {

absl::StatusOr<std::unique_ptr<SourceLines>> GoLines::Open(const ElfFile& file) {
  auto table = GoLineTable::Open(file);
  if (!table.ok()) return table.status();
  return std::unique_ptr<SourceLines>(new GoLines(file, *std::move(table)));
}

absl::Status GoLines::AddSplitFile(const ElfFile& file) {
  return dwarf_ != nullptr ? dwarf_->AddSplitFile(file) : absl::NotFoundError("Go has no split units");
}

SourceFrame GoLines::FrameAt(const GoLineTable::Function& function, uint64_t vaddr, WorkBudget* budget,
                             SourceAnswers* answers) {
  SourceFrame frame;
  auto file = table_.ValueAt(function.files, function, vaddr, budget);
  auto line = table_.ValueAt(function.lines, function, vaddr, budget);
  if (file) frame.file = answers->Keep(table_.FileAt(function, *file));
  if (line) frame.line = *line;
  return frame;
}

bool GoLines::FindFrames(uint64_t vaddr, WorkBudget* budget, SourceAnswers* answers, std::vector<SourceFrame>* frames) {
  frames->clear();
  auto function = table_.FunctionOf(vaddr);
  if (!function) return false;
  for (uint64_t at = vaddr; frames->size() < kMaxGoInlined;) {
    SourceFrame frame = FrameAt(*function, at, budget, answers);
    auto index = table_.ValueAt(function->inlined_index, *function, at, budget);
    auto call = index && *index != UINT32_MAX ? table_.CallAt(*function, *index) : std::nullopt;
    frame.is_inlined = call.has_value();
    frame.function = answers->Keep(table_.NameAt(call ? call->name : function->name));
    frame.start_line = call ? call->start_line : function->start_line;
    frames->push_back(frame);
    if (!call) return true;
    at = call->caller;
  }
  // Calls that are each other's callers: nothing of them can be true.
  frames->assign(1, FrameAt(*function, vaddr, budget, answers));
  frames->back().function = answers->Keep(table_.NameAt(function->name));
  return true;
}

SourceAnswers GoLines::Answer(std::span<const uint64_t> vaddrs) {
  SourceAnswers answers;
  answers.Resize(vaddrs.size());
  WorkBudget budget;
  std::vector<SourceFrame> frames;
  std::vector<size_t> rest;
  for (size_t i = 0; i < vaddrs.size(); ++i) {
    if (FindFrames(vaddrs[i], &budget, &answers, &frames))
      answers.SetFrames(i, frames);
    else
      rest.push_back(i);
  }
  if (budget.IsSpent()) answers.Fail(absl::ResourceExhaustedError("the pclntab's lines take too long to read"));
  AnswerRest(vaddrs, rest, &answers);
  return answers;
}

void GoLines::AnswerRest(std::span<const uint64_t> vaddrs, std::span<const size_t> rest, SourceAnswers* answers) {
  if (rest.empty() || has_no_dwarf_) return;
  if (dwarf_ == nullptr) {
    auto dwarf = DwarfLines::Open(file_, nullptr);
    has_no_dwarf_ = !dwarf.ok();
    if (!dwarf.ok()) return;
    dwarf_ = *std::move(dwarf);
  }
  std::vector<uint64_t> asked;
  for (size_t index : rest) asked.push_back(vaddrs[index]);
  SourceAnswers found = dwarf_->Answer(asked);
  answers->Fail(found.Status());
  for (size_t i = 0; i < rest.size(); ++i) {
    std::vector<SourceFrame> frames(found.FramesOf(i).begin(), found.FramesOf(i).end());
    for (SourceFrame& frame : frames) {
      frame.function = answers->Keep(frame.function);
      frame.file = answers->Keep(frame.file);
    }
    answers->SetFrames(rest[i], frames);
  }
}

size_t GoLines::MemoryBytes() const {
  return sizeof(*this) + table_.MemoryBytes() + (dwarf_ != nullptr ? dwarf_->MemoryBytes() : 0);
}

}  // namespace sonde::elf
