// Compares what following machine code says of functions with what their CFI says, byte by byte: how far rules of
// functions without CFI can be believed.
//
// usage: followed_code FILE...
//
// Exit code 0: at least 99 bytes of 100 that were followed agree; 1: fewer; 2: nothing was compared.

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "agent/elf/code_map.h"
#include "agent/elf/code_rules.h"
#include "agent/elf/code_walk.h"
#include "agent/elf/symbol_table.h"
#include "agent/elf/unwind_compiler.h"
#include "agent/elf/unwind_table_for_test.h"
#include "base/unique_fd.h"

namespace sonde::cfi_rows {
namespace {

constexpr size_t kMostExamples = 20;

struct Count {
  uint64_t functions = 0;
  uint64_t same = 0;  // bytes, all of these
  uint64_t no_answer = 0;
  uint64_t different = 0;
  uint64_t rare = 0;  // rules of CFI that are none of the plain ones
};

class Comparison {
 public:
  Comparison(const elf::ElfFile& file, const elf::UnwindTable& table, const elf::SymbolTable& symbols, std::string name)
      : file_(file), code_(file), table_(table), symbols_(symbols), name_(std::move(name)) {}

  void Run(Count* count) {
    for (size_t i = 0; i < symbols_.Size(); ++i) CompareFunction(i, count);
  }

 private:
  // The plain rule at a file offset; empty for another one, or none.
  std::optional<uint16_t> RuleAt(uint64_t offset) const {
    const uint16_t rule = elf::RuleAt(table_, offset);
    if ((rule & UNWIND_RULE_RBP) == UNWIND_RBP_ESCAPE) return std::nullopt;
    return rule;
  }

  // Whether a frame that was followed comes to the caller that the rule comes to.
  static bool Agrees(const elf::CodeFrame& frame, uint16_t rule) {
    const auto cfa = static_cast<int32_t>(rule >> UNWIND_RULE_CFA_SHIFT & UNWIND_RULE_CFA_WORDS) * 8;
    const int32_t saved = static_cast<int32_t>(rule & UNWIND_RULE_RBP) * 8;
    if (cfa != ((rule & UNWIND_RULE_FROM_RBP) ? frame.rbp : frame.rsp)) return false;
    if (saved == 0) return frame.is_rbp_kept;
    // CFI goes on to name the place after rbp was taken back from there.
    return frame.saved_rbp == saved || (frame.is_rbp_kept && frame.saved_rbp == 0 && saved > frame.rsp);
  }
  static bool HasAnswer(const std::optional<elf::CodeFrame>& frame) {
    return frame && (frame->HasFramePointer() || frame->rsp != elf::CodeFrame::kUnknown);
  }

  void CompareFunction(size_t index, Count* count) {
    const elf::Symbol function = symbols_.ExtentAt(index);
    const auto code = code_.Find(function.vaddr, function.size);
    if (!code || code->size != function.size || !RuleAt(code->file_offset)) return;
    const auto name = symbols_.NameAt(index);
    if (!name || elf::IsSplitOff(*name)) return;
    std::vector<std::byte> bytes(function.size);
    if (!file_.Source().ReadAt(code->file_offset, bytes)) return;
    ++count->functions;
    std::span<const elf::FrameChange> changes = walk_.Follow(bytes);
    for (size_t i = 0; i < changes.size(); ++i) {
      const uint64_t end = i + 1 < changes.size() ? changes[i + 1].begin : bytes.size();
      for (uint64_t at = changes[i].begin; at < end; ++at) CompareByte(function, *code, at, changes[i].frame, count);
    }
  }

  void CompareByte(const elf::Symbol& function, const elf::CodeMap::Range& code, uint64_t at,
                   const std::optional<elf::CodeFrame>& frame, Count* count) {
    const auto rule = RuleAt(code.file_offset + at);
    if (!rule) {
      ++count->rare;
    } else if (!HasAnswer(frame)) {
      ++count->no_answer;
    } else if (Agrees(*frame, *rule)) {
      ++count->same;
    } else {
      ++count->different;
      PrintExample(function.vaddr + at, *frame, *rule);
    }
  }

  void PrintExample(uint64_t vaddr, const elf::CodeFrame& frame, uint16_t rule) {
    if (vaddr == last_example_ + 1 || examples_ >= kMostExamples) {
      last_example_ = vaddr;
      return;
    }
    ++examples_;
    last_example_ = vaddr;
    std::printf("%s at 0x%llx: followed rsp %d rbp %d saved %d%s; CFI %s+%u, rbp %u\n", name_.c_str(),
                static_cast<unsigned long long>(vaddr), frame.rsp, frame.rbp, frame.saved_rbp,
                frame.is_rbp_kept ? " kept" : "", (rule & UNWIND_RULE_FROM_RBP) ? "rbp" : "rsp",
                (rule >> UNWIND_RULE_CFA_SHIFT & UNWIND_RULE_CFA_WORDS) * 8, (rule & UNWIND_RULE_RBP) * 8);
  }

  const elf::ElfFile& file_;
  elf::CodeMap code_;
  const elf::UnwindTable& table_;
  const elf::SymbolTable& symbols_;
  const std::string name_;
  elf::CodeWalk walk_;
  uint64_t last_example_ = 0;
  size_t examples_ = 0;
};

void AddFile(const char* path, Count* count) {
  base::UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd.IsValid() || ::fstat(fd.Get(), &info) != 0) return;
  auto file = elf::ElfFile::Open(fd.Get(), info.st_size);
  if (!file.ok()) return;
  auto table = elf::CompileUnwindTable(*file, nullptr);
  auto symbols = elf::SymbolTable::Read(*file);
  if (table.ok() && symbols.ok()) Comparison(*file, *table, *symbols, path).Run(count);
}

}  // namespace
}  // namespace sonde::cfi_rows

int main(int argc, char** argv) {
  sonde::cfi_rows::Count count;
  for (int i = 1; i < argc; ++i) sonde::cfi_rows::AddFile(argv[i], &count);
  const uint64_t answered = count.same + count.different;
  if (answered == 0) {
    std::fprintf(stderr, "nothing to compare: name ELF files that have symbols and CFI\n");
    return 2;
  }
  const double share = static_cast<double>(count.same) / static_cast<double>(answered);
  std::printf(
      "%llu functions; bytes of code: %llu the same (%.3f %%), %llu different, %llu not followed to an answer, "
      "%llu by rare rules, not compared\n",
      static_cast<unsigned long long>(count.functions), static_cast<unsigned long long>(count.same), share * 100,
      static_cast<unsigned long long>(count.different), static_cast<unsigned long long>(count.no_answer),
      static_cast<unsigned long long>(count.rare));
  return share >= 0.99 ? 0 : 1;
}
