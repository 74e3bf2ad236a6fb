#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "agent/elf/golang/go_line_table.h"
#include "agent/elf/source_lines.h"

namespace sonde::elf {

// SourceLines out of a Go program's own table; what that does not know (C code of cgo), out of DWARF, if there is any.
class GoLines : public SourceLines {
 public:
  static absl::StatusOr<std::unique_ptr<SourceLines>> Open(const ElfFile& file);

  absl::Status AddSplitFile(const ElfFile& file) override;
  SourceAnswers Answer(std::span<const uint64_t> vaddrs) override;
  size_t MemoryBytes() const override;

 private:
  GoLines(const ElfFile& file, GoLineTable table) : file_(file), table_(std::move(table)) {}
  bool FindFrames(uint64_t vaddr, WorkBudget* budget, SourceAnswers* answers, std::vector<SourceFrame>* frames);
  SourceFrame FrameAt(const GoLineTable::Function& function, uint64_t vaddr, WorkBudget* budget,
                      SourceAnswers* answers);
  void AnswerRest(std::span<const uint64_t> vaddrs, std::span<const size_t> rest, SourceAnswers* answers);

  ElfFile file_;
  GoLineTable table_;
  std::unique_ptr<SourceLines> dwarf_;  // opened when it is first needed
  bool has_no_dwarf_ = false;
};

}  // namespace sonde::elf
