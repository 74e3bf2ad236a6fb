#include "agent/elf/unwind_compiler.h"

#include <elf.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/elf/cfi_rules.h"
#include "agent/elf/code_map.h"
#include "agent/elf/code_ranges.h"
#include "agent/elf/code_rules.h"
#include "agent/elf/entry_rules.h"
#include "agent/elf/frame_pointer_rules.h"
#include "agent/elf/go_rules.h"
#include "agent/elf/limits.h"
#include "agent/elf/linker_rules.h"
#include "agent/elf/unwind_rules.h"

namespace sonde::elf {
namespace {

// Rows that an FDE has on average, and a little more: what is reserved for the table.
constexpr size_t kRowsAnFde = 9;
// Following so much code takes some milliseconds.
constexpr uint64_t kWideGapBytes = 64 << 10;
// Every program has a few functions of the start files without CFI, which run once: symbols are not read for them.
constexpr uint64_t kFewBytes = 512;

class TableCompiler {
 public:
  TableCompiler(const ElfFile& file, CompileStatistics* statistics, CodeEffort effort)
      : file_(file), code_(file), statistics_(*statistics), effort_(effort), encoder_(statistics) {}

  absl::StatusOr<UnwindTable> Compile() {
    for (absl::Status status : {AddCfi(ReadEhFrame(file_)), AddGo(), AddCfi(ReadDebugFrame(file_))}) {
      if (absl::IsResourceExhausted(status)) return status;
      if (!status.ok() && !absl::IsNotFound(status)) failure_ = status;
    }
    const bool has_cfi = !ranges_.empty();
    if (!has_cfi) AddCode();
    if (ranges_.empty()) return NothingToCompile();
    AddLinkers();
    AddEntry();
    Gaps gaps = has_cfi ? FindGaps() : Gaps{};
    const bool leaves_out_code = effort_ == CodeEffort::kSoon && !gaps.wide.empty();
    if (gaps.all > kFewBytes && !leaves_out_code) {
      AddCode();
      gaps = FindGaps();
    }
    if (!gaps.wide.empty()) AddRest(std::make_unique<FramePointerRules>(file_, std::move(gaps.wide)));
    RangeWriter writer(&statistics_, has_cfi ? abi::UNWIND_UNCOVERED : abi::UNWIND_FRAME_POINTER);
    auto table = WriteAll(&writer);
    if (table.ok()) table->leaves_out_code = leaves_out_code;
    return table;
  }

 private:
  absl::Status AddCfi(absl::StatusOr<CfiSection> section) {
    if (!section.ok()) return section.status();
    sections_.push_back(std::make_unique<CfiSection>(*std::move(section)));
    return Add(std::make_unique<CfiRules>(*sections_.back(), code_, &encoder_, &statistics_));
  }

  absl::Status AddGo() {
    auto rules = GoRules::Create(file_, code_, &encoder_, &statistics_);
    if (!rules.ok()) return rules.status();
    return Add(*std::move(rules));
  }

  // These are not among the others: a file of which nothing else is known has no table. That what they read is broken
  // is no reason to refuse the file's CFI.
  void AddRest(std::unique_ptr<RuleSource> source) {
    std::vector<CodeRange> found;
    if (!source->AddRanges(static_cast<uint32_t>(sources_.size()), &found).ok()) return;
    SortRanges(&found);
    AddUncovered(found, &ranges_);
    sources_.push_back(std::move(source));
  }
  void AddLinkers() { AddRest(std::make_unique<LinkerRules>(file_, code_)); }
  void AddCode() { AddRest(std::make_unique<CodeRules>(file_, code_, &encoder_, &statistics_)); }

  void AddEntry() {
    auto entry = std::make_unique<EntryRules>(file_, code_);
    if (entry->AddRanges(static_cast<uint32_t>(sources_.size()), &ranges_).ok()) sources_.push_back(std::move(entry));
  }

  // What nothing covers of the executable segments, but for padding.
  struct Gaps {
    uint64_t all = 0;
    std::vector<FramePointerRules::Gap> wide;

    void Add(uint64_t begin, uint64_t end) {
      if (end <= begin + kMaxPaddingBytes) return;
      all += end - begin;
      if (end - begin > kWideGapBytes) wide.push_back({begin, end});
    }
  };
  Gaps FindGaps() const {
    Gaps gaps;
    size_t looks = 4 * ranges_.size();  // segments of a hostile file may all be the same
    for (const LoadSegment& segment : file_.ExecutableSegments()) {
      const uint64_t end = segment.file_offset + std::min(segment.file_size, kMaxFileBytes);
      uint64_t covered_end = segment.file_offset;
      for (auto range = std::ranges::lower_bound(ranges_, covered_end, {}, &CodeRange::offset);
           range != ranges_.end() && range->offset < end && looks > 0; ++range, --looks) {
        gaps.Add(covered_end, range->offset);
        covered_end = std::max(covered_end, range->End());
      }
      gaps.Add(covered_end, end);
    }
    return gaps;
  }

  // Sources are added in the order in which they are believed.
  absl::Status Add(std::unique_ptr<RuleSource> source) {
    std::vector<CodeRange> found;
    absl::Status status = source->AddRanges(static_cast<uint32_t>(sources_.size()), &found);
    sources_.push_back(std::move(source));
    SortRanges(&found);
    if (ranges_.empty()) {
      ranges_ = std::move(found);
    } else {
      statistics_[CfiSkip::kCovered].fdes += AddUncovered(found, &ranges_);
    }
    return status;
  }

  absl::Status NothingToCompile() const {
    if (!failure_.ok()) return failure_;
    uint64_t unusable = 0;
    for (const CompileStatistics::Skip& skip : statistics_.skips) unusable += skip.fdes;
    if (unusable == 0) return absl::NotFoundError("the file has no call frame information");
    return absl::InvalidArgumentError(
        absl::StrCat("none of the file's ", unusable, " frame descriptions can be used for its code"));
  }

  absl::StatusOr<UnwindTable> WriteAll(RangeWriter* writer) {
    writer->Reserve(std::min(ranges_.size() * kRowsAnFde, kMaxUnwindRows));
    for (const CodeRange& range : ranges_) {
      if (!writer->Begin(range)) {
        ++statistics_[CfiSkip::kCovered].fdes;
        continue;
      }
      sources_[range.source]->Write(range, writer);
      if (!writer->IsWithinLimits()) {
        return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxUnwindRows, " unwinding rows"));
      }
    }
    UnwindTable table = writer->Finish();
    table.escapes = encoder_.TakeEscapes();
    statistics_.CountRows(table.rows);
    return table;
  }

  const ElfFile& file_;
  CodeMap code_;
  CompileStatistics& statistics_;
  const CodeEffort effort_;
  RuleEncoder encoder_;
  std::vector<std::unique_ptr<CfiSection>> sections_;
  std::vector<std::unique_ptr<RuleSource>> sources_;
  std::vector<CodeRange> ranges_;
  absl::Status failure_;
};

}  // namespace

absl::StatusOr<UnwindTable> CompileUnwindTable(const ElfFile& file, CompileStatistics* statistics, CodeEffort effort) {
  if (file.Machine() != EM_X86_64) return absl::UnimplementedError("unwinding tables are for x86-64 only");
  CompileStatistics unwanted;
  return TableCompiler(file, statistics != nullptr ? statistics : &unwanted, effort).Compile();
}

}  // namespace sonde::elf
