#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "agent/elf/dwarf/dwarf_file.h"
#include "agent/elf/dwarf/split_units.h"
#include "agent/elf/dwarf/unit_index.h"
#include "agent/elf/source_lines.h"

namespace sonde::elf {

class FunctionNames;

// SourceLines out of DWARF. Addresses are taken unit by unit: one walk over its entries and one run of its line program
// answer all that are asked of it.
class DwarfLines : public SourceLines {
 public:
  static absl::StatusOr<std::unique_ptr<SourceLines>> Open(const ElfFile& file, const ElfFile* alternate);

  absl::Status AddSplitFile(const ElfFile& file) override { return split_units_.Add(file, index_); }
  SourceAnswers Answer(std::span<const uint64_t> vaddrs) override;
  size_t MemoryBytes() const override;

 private:
  // An address and its place in the question.
  struct Asked {
    uint32_t unit = 0;
    uint64_t vaddr = 0;
    uint32_t index = 0;
  };

  DwarfLines(std::unique_ptr<DwarfFile> file, UnitIndex index) : file_(std::move(file)), index_(std::move(index)) {}
  std::vector<Asked> ByUnit(std::span<const uint64_t> vaddrs) const;
  void AnswerUnit(std::span<const Asked> asked, FunctionNames* names, WorkBudget* budget, SourceAnswers* answers);
  std::shared_ptr<const DwarfUnit> UnitWithEntries(const std::shared_ptr<const DwarfUnit>& unit, WorkBudget* budget,
                                                   SourceAnswers* answers) const;

  std::unique_ptr<DwarfFile> alternate_;
  std::unique_ptr<DwarfFile> file_;
  UnitIndex index_;
  SplitUnits split_units_;
};

}  // namespace sonde::elf
