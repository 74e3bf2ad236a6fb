#include "agent/elf/code_map.h"

#include <algorithm>

#include "agent/elf/limits.h"

namespace sonde::elf {

static_assert(kMaxFileBytes <= uint64_t{1} << 32);

CodeMap::CodeMap(const ElfFile& file) {
  std::vector<LoadSegment> all(file.ExecutableSegments().begin(), file.ExecutableSegments().end());
  std::ranges::stable_sort(all, {}, &LoadSegment::vaddr);
  uint64_t file_bytes = file.Source().SizeBytes();
  for (LoadSegment segment : all) {
    if (segment.file_offset >= file_bytes) continue;
    segment.file_size = std::min(segment.file_size, file_bytes - segment.file_offset);
    bool is_apart = segments_.empty() || segment.vaddr - segments_.back().vaddr >= segments_.back().file_size;
    if (segment.file_size > 0 && is_apart) segments_.push_back(segment);
  }
}

std::optional<CodeMap::Range> CodeMap::Find(uint64_t vaddr, uint64_t size) const {
  auto after = std::ranges::upper_bound(segments_, vaddr, {}, &LoadSegment::vaddr);
  if (after == segments_.begin()) return std::nullopt;
  const LoadSegment& segment = *--after;
  uint64_t into = vaddr - segment.vaddr;
  if (into >= segment.file_size) return std::nullopt;
  return Range{segment.file_offset + into, std::min(size, segment.file_size - into)};
}

}  // namespace sonde::elf
