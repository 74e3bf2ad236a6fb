#include "comparison.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/elf/symbol_table.h"
#include "compiled_rule.h"

namespace sonde::cfi_rows {
namespace {

constexpr uint64_t kMaxPaddingBytes = 15;
// How far apart libdw is asked inside of what the table says is not covered.
constexpr uint64_t kUncoveredStride = 512;

struct Row {
  uint64_t begin = 0;  // ELF addresses
  uint64_t end = 0;
  uint16_t rule = 0;
};

class Comparer {
 public:
  Comparer(const elf::ElfFile& file, const elf::UnwindTable& table, const LibdwOracle& oracle,
           const ComparisonOptions& options)
      : file_(file), table_(table), oracle_(oracle), options_(options), symbols_(elf::SymbolTable::Read(file)) {}

  Verdict Run() {
    verdict_.compiled_rows = table_.rows.size();
    for (size_t page = 0; page < table_.pages.size(); ++page) ComparePage(page);
    return std::move(verdict_);
  }

 private:
  void ComparePage(size_t page) {
    auto [first, count] = table_.pages[page];
    uint64_t base = (table_.base_page + page) << UNWIND_PAGE_SHIFT;
    for (size_t i = 0; i < count; ++i) {
      const abi::unwind_row& row = table_.rows[first + i];
      uint64_t end = i + 1 < count ? table_.rows[first + i + 1].pc : UNWIND_PAGE_BYTES;
      CompareOffsets(base + row.pc, base + end, row.rule);
    }
  }

  // A row's last bytes may lie behind the segment, where there is nothing to compare.
  void CompareOffsets(uint64_t begin, uint64_t end, uint16_t rule) {
    while (begin < end) {
      const elf::LoadSegment* segment = file_.SegmentOfOffset(begin);
      if (segment == nullptr) {
        ++begin;
        continue;
      }
      uint64_t part_end = std::min(end, segment->file_offset + segment->file_size);
      uint64_t bias = segment->vaddr - segment->file_offset;
      CompareRow({begin + bias, part_end + bias, rule});
      begin = part_end;
    }
  }

  void CompareRow(const Row& row) {
    uint64_t padding = 0;
    for (uint64_t at = row.begin; at < row.end;) {
      ArbitraryMachine machine(at);
      WalkedFrame compiled;
      RuleKind kind = Walk(row.rule, table_.escapes, machine, &compiled);
      OracleFrame truth = oracle_.At(at, machine);
      uint64_t next = at + 1;
      if (truth.kind != OracleFrame::Kind::kUncovered) {
        next = std::clamp(truth.end, at + 1, row.end);
        ++verdict_.oracle_rows;
        padding = 0;
        CompareFrame(row, kind, compiled, truth, at, next - 1);
      } else if (kind == RuleKind::kUncovered) {
        next = std::min(at + kUncoveredStride, at + 1 < row.end ? row.end - 1 : row.end);
      } else if (!ExplainUncovered(row, at, &padding)) {
        return;
      }
      at = std::max(next, at + 1);
    }
  }

  void CompareFrame(const Row& row, RuleKind kind, const WalkedFrame& compiled, const OracleFrame& truth, uint64_t at,
                    uint64_t last) {
    if (kind == RuleKind::kUncovered) return Mismatch("covered by libdw only", at);
    if (kind == RuleKind::kBad) return Class(truth.error[0] == 0 ? "bad rule" : "bad rule, unusable for libdw too", at);
    if (truth.kind == OracleFrame::Kind::kUnusable) return Mismatch(std::string("libdw: ") + truth.error, at);
    if (options_.has_pclntab && truth.is_of_debug_frame)
      return CompareWithGosDwarf(row.rule, compiled, truth.frame, at);
    CompareValues(compiled, truth.frame, at);
    if (last == at) return;
    // The same answer from libdw, but with the instruction pointer of the range's other bytes: a PLT's rule looks at
    // it.
    for (uint64_t other : {at + (last - at) / 2, last}) {
      ArbitraryMachine machine(other);
      WalkedFrame again;
      Walk(row.rule, table_.escapes, machine, &again);
      OracleFrame there = oracle_.At(other, machine);
      if (there.kind != OracleFrame::Kind::kFrame) return Mismatch("libdw changes within its own row", other);
      CompareValues(again, there.frame, other);
    }
  }

  void CompareValues(const WalkedFrame& compiled, const WalkedFrame& truth, uint64_t at) {
    if (compiled.is_bottom || truth.is_bottom) {
      if (compiled.is_bottom != truth.is_bottom) Mismatch("bottom", at);
      return;
    }
    if (compiled.cfa != truth.cfa) return Mismatch("CFA", at);
    if (compiled.return_address != truth.return_address) return Mismatch("return address", at);
    if (!compiled.knows_rbp) return Class(truth.knows_rbp ? "rbp not sayable" : "rbp undefined", at);
    if (!truth.knows_rbp || compiled.rbp != truth.rbp) Mismatch("rbp", at);
  }

  // Go's DWARF knows the CFA and the return address. It says nothing of rbp, of roots, and of changed stacks.
  void CompareWithGosDwarf(uint16_t rule, const WalkedFrame& compiled, WalkedFrame truth, uint64_t at) {
    unsigned command = rule >> UNWIND_RULE_CFA_SHIFT;
    if ((rule & UNWIND_RULE_RBP) != UNWIND_RBP_ESCAPE) command = abi::UNWIND_COMMANDS;
    if (command == abi::UNWIND_BOTTOM) return Class("Go: root", at);
    if (command == abi::UNWIND_SIGNAL) return Class("Go: signal return", at);
    if (command == abi::UNWIND_OTHER_STACK) return Class("Go: change of stacks, by frame pointer", at);
    if (compiled.rbp != truth.rbp || !compiled.knows_rbp) Class("Go: rbp, which its DWARF leaves out", at);
    truth.rbp = compiled.rbp;
    truth.knows_rbp = compiled.knows_rbp;
    CompareValues(compiled, truth, at);
  }

  bool IsLinkers(uint64_t vaddr) const {
    return std::ranges::any_of(file_.Sections(), [vaddr](const elf::Section& section) {
      static const std::set<std::string> kNames = {".plt", ".plt.got", ".plt.sec", ".iplt", ".init", ".fini"};
      return kNames.contains(section.name) && vaddr >= section.vaddr && vaddr - section.vaddr < section.size;
    });
  }

  // False: the rest of the row needs no look.
  bool ExplainUncovered(const Row& row, uint64_t at, uint64_t* padding) {
    unsigned index = row.rule >> UNWIND_RULE_CFA_SHIFT;
    bool is_command = (row.rule & UNWIND_RULE_RBP) == UNWIND_RBP_ESCAPE && index < abi::UNWIND_COMMANDS;
    if (is_command && index == abi::UNWIND_SIGNAL && at == row.begin) {
      Class("byte before a signal trampoline", at);
      return true;
    }
    if (is_command && index == abi::UNWIND_BOTTOM) {
      if (at == row.begin) Class("entry point, without CFI", at);
      return true;
    }
    if (is_command && index == abi::UNWIND_FRAME_POINTER) {
      if (at == row.begin) Class("file without CFI, by frame pointers", at);
      return true;
    }
    if (IsLinkers(at)) {
      if (at == row.begin) Class("linker's code, without CFI", at);
      *padding = 0;
      return true;
    }
    if (!options_.has_pclntab && symbols_.ok() && symbols_->Find(at)) {
      if (at == row.begin) Class("without CFI, by its code", at);
      *padding = 0;
      return true;
    }
    if (++*padding <= kMaxPaddingBytes) {
      if (*padding == 1) Class("padding between functions", at);
      return true;
    }
    if (options_.has_pclntab) {
      if (*padding == kMaxPaddingBytes + 1) Class("Go, without CFI", at);
      return true;
    }
    Mismatch("covered by the table only", at);
    return false;
  }

  void Class(const std::string& name, uint64_t at) { Count(&verdict_.classes[name], at); }
  void Mismatch(const std::string& name, uint64_t at) {
    ++verdict_.mismatches;
    Count(&verdict_.mismatch_kinds[name], at);
  }
  void Count(Verdict::Class* into, uint64_t at) {
    if (into->places++ == 0) into->example = absl::StrCat(options_.name, " at 0x", absl::Hex(at));
  }

  const elf::ElfFile& file_;
  const elf::UnwindTable& table_;
  const LibdwOracle& oracle_;
  const ComparisonOptions& options_;
  absl::StatusOr<elf::SymbolTable> symbols_;
  Verdict verdict_;
};

void AddClasses(const std::map<std::string, Verdict::Class>& from, std::map<std::string, Verdict::Class>* into) {
  for (const auto& [name, one] : from) {
    Verdict::Class& sum = (*into)[name];
    if (sum.places == 0) sum.example = one.example;
    sum.places += one.places;
  }
}

}  // namespace

void Verdict::Add(const Verdict& other) {
  compiled_rows += other.compiled_rows;
  oracle_rows += other.oracle_rows;
  mismatches += other.mismatches;
  AddClasses(other.classes, &classes);
  AddClasses(other.mismatch_kinds, &mismatch_kinds);
}

Verdict Compare(const elf::ElfFile& file, const elf::UnwindTable& table, const LibdwOracle& oracle,
                const ComparisonOptions& options) {
  return Comparer(file, table, oracle, options).Run();
}

}  // namespace sonde::cfi_rows
