#include "agent/elf/source_lines.h"

#include <algorithm>

#include "agent/elf/dwarf/dwarf_lines.h"
#include "agent/elf/golang/go_lines.h"
#include "agent/elf/limits.h"

namespace sonde::elf {

void SourceAnswers::SetFrames(size_t index, std::span<const SourceFrame> frames) {
  chains_[index] = {static_cast<uint32_t>(frames_.size()), static_cast<uint32_t>(frames.size())};
  frames_.insert(frames_.end(), frames.begin(), frames.end());
}

void SourceAnswers::AddMissing(SplitFile file) {
  if (missing_.size() >= kMaxMissingSplitFiles) return;
  if (std::ranges::find(missing_, file.id, &SplitFile::id) == missing_.end()) missing_.push_back(file);
}

std::string_view SourceAnswers::Keep(std::string_view text) {
  text = text.substr(0, kMaxNameBytes);
  if (auto found = known_.find(text); found != known_.end()) return *found;
  text_bytes_ += text.size();
  if (text_bytes_ > kMaxAnswerTextBytes) {
    Fail(absl::ResourceExhaustedError("names have too many bytes"));
    return {};
  }
  std::string_view kept = texts_.emplace_back(text);
  known_.insert(kept);
  return kept;
}

absl::StatusOr<std::unique_ptr<SourceLines>> SourceLines::Open(const ElfFile& file, const ElfFile* alternate) {
  // Go's table first: it is complete, and much smaller than the DWARF that most Go programs carry, compressed, too.
  auto of_go = GoLines::Open(file);
  if (of_go.ok()) return of_go;
  auto of_dwarf = DwarfLines::Open(file, alternate);
  bool has_dwarf = of_dwarf.ok() || !absl::IsNotFound(of_dwarf.status());
  return has_dwarf || absl::IsNotFound(of_go.status()) ? std::move(of_dwarf) : std::move(of_go);
}

}  // namespace sonde::elf
