#include "agent/elf/frame_pointer_rules.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "agent/elf/limits.h"
#include "agent/elf/unwind_rules.h"

namespace sonde::elf {
namespace {

constexpr std::string_view kSetUp = "\x55\x48\x89\xe5";  // push %rbp; mov %rsp,%rbp
constexpr uint64_t kPieceBytes = 16 << 10;
// V8 has one in 860 bytes: many of its functions are jumped to within the frame of another.
constexpr uint64_t kMostBytesASetUp = 2 << 10;
// Of one gap, which is enough to judge by, and of all: gaps of a hostile file may all be the same.
constexpr uint64_t kMostBytesRead = 4 << 20;
constexpr uint64_t kMostBytesReadInAll = 16 << 20;

uint64_t CountSetUps(std::string_view code) {
  uint64_t count = 0;
  for (size_t at = code.find(kSetUp); at != code.npos; at = code.find(kSetUp, at + kSetUp.size())) ++count;
  return count;
}

}  // namespace

bool FramePointerRules::SetsUpFramePointers(const Gap& gap) {
  std::array<std::byte, kPieceBytes> chunk;
  const uint64_t end = std::min(gap.end, gap.begin + kMostBytesRead);
  read_bytes_ += end - gap.begin;
  if (read_bytes_ > kMostBytesReadInAll) return false;
  uint64_t set_ups = 0;
  for (uint64_t at = gap.begin; at < end; at += kPieceBytes) {
    const std::span<std::byte> part = std::span(chunk).first(std::min(kPieceBytes, end - at));
    if (!file_.Source().ReadAt(at, part)) return false;
    set_ups += CountSetUps({reinterpret_cast<const char*>(part.data()), part.size()});
  }
  return set_ups * kMostBytesASetUp >= end - gap.begin;
}

absl::Status FramePointerRules::AddRanges(uint32_t source, std::vector<CodeRange>* ranges) {
  for (const Gap& gap : gaps_) {
    if (gap.end > kMaxFileBytes || !SetsUpFramePointers(gap)) continue;
    ranges->push_back(RangeOf({.file_offset = gap.begin, .size = gap.end - gap.begin}, 0, source));
  }
  return absl::OkStatus();
}

void FramePointerRules::Write(const CodeRange& range, RangeWriter* writer) {
  writer->Set(range.offset, CommandRule(abi::UNWIND_FRAME_POINTER));
}

}  // namespace sonde::elf
