#include "agent/elf/code_ranges.h"

#include <algorithm>

#include "agent/elf/unwind_rules.h"

namespace sonde::elf {
namespace {

bool IsBefore(const CodeRange& a, const CodeRange& b) {
  return a.offset != b.offset ? a.offset < b.offset : a.position < b.position;
}

}  // namespace

void SortRanges(std::vector<CodeRange>* ranges) {
  if (!std::ranges::is_sorted(*ranges, IsBefore)) std::ranges::sort(*ranges, IsBefore);
}

uint64_t AddUncovered(const std::vector<CodeRange>& more, std::vector<CodeRange>* ranges) {
  size_t first_new = ranges->size();
  size_t passed = 0;
  uint64_t covered_end = 0;
  for (const CodeRange& range : more) {
    while (passed < first_new && (*ranges)[passed].offset < range.End()) {
      covered_end = std::max(covered_end, (*ranges)[passed++].End());
    }
    if (covered_end <= range.offset) ranges->push_back(range);
  }
  uint64_t added = ranges->size() - first_new;
  std::ranges::inplace_merge(*ranges, ranges->begin() + static_cast<std::ptrdiff_t>(first_new), IsBefore);
  return more.size() - added;
}

bool RangeWriter::Begin(const CodeRange& range) {
  covered_end_ = std::max(covered_end_, end_);
  begin_ = std::max<uint64_t>(range.offset, covered_end_);
  end_ = range.End();
  if (begin_ >= end_) return false;
  uint64_t gap = begin_ - covered_end_;
  bool is_padding = covered_end_ != 0 && gap <= kMaxPaddingBytes;
  if (!is_padding) builder_.Set(covered_end_, CommandRule(between_));
  if (covered_end_ != 0) (is_padding ? statistics_.padding_bytes : statistics_.uncovered_bytes) += gap;
  statistics_.covered_bytes += end_ - begin_;
  return true;
}

void RangeWriter::Set(uint64_t offset, uint16_t rule) {
  if (offset >= end_) return;
  offset = std::max(offset, begin_);
  bool has_byte_before = offset == begin_ && offset > covered_end_;
  if (rule == CommandRule(abi::UNWIND_SIGNAL) && has_byte_before) --offset;
  builder_.Set(offset, rule);
}

UnwindTable RangeWriter::Finish() {
  covered_end_ = std::max(covered_end_, end_);
  builder_.Set(covered_end_, CommandRule(abi::UNWIND_UNCOVERED));
  return builder_.Finish();
}

}  // namespace sonde::elf
