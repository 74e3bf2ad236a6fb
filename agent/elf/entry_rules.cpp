#include "agent/elf/entry_rules.h"

#include <algorithm>

#include "agent/elf/unwind_rules.h"

namespace sonde::elf {
namespace {

// The longest one seen, of the C library's loader, is 53 bytes.
constexpr uint64_t kMostEntryBytes = 64;

}  // namespace

absl::Status EntryRules::AddRanges(uint32_t source, std::vector<CodeRange>* ranges) {
  if (file_.Entry() == 0) return absl::NotFoundError("the file has no entry point");
  const auto code = code_.Find(file_.Entry(), kMostEntryBytes);
  if (!code) return absl::NotFoundError("the entry point is not in the file's code");
  CodeRange entry = RangeOf(*code, 0, source);
  for (const CodeRange& covered : *ranges) {
    if (covered.offset >= entry.End()) break;
    if (covered.End() <= entry.offset) continue;
    if (covered.offset <= entry.offset) return absl::OkStatus();
    entry.size = covered.offset - entry.offset;
  }
  ranges->push_back(entry);
  SortRanges(ranges);
  return absl::OkStatus();
}

void EntryRules::Write(const CodeRange& range, RangeWriter* writer) {
  writer->Set(range.offset, CommandRule(abi::UNWIND_BOTTOM));
}

}  // namespace sonde::elf
