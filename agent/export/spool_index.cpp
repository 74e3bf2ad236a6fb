#include "agent/export/spool_index.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"

namespace sonde::exporting {
namespace {

constexpr char kSegmentEnding[] = ".spool";
constexpr size_t kDigits = 20;

}  // namespace

std::string SpoolSegmentName(uint64_t first) { return absl::StrFormat("%020d%s", first, kSegmentEnding); }

bool IsSpoolSegmentName(const std::string& name) {
  return name.size() == kDigits + sizeof(kSegmentEnding) - 1 && absl::EndsWith(name, kSegmentEnding) &&
         std::all_of(name.begin(), name.begin() + kDigits, absl::ascii_isdigit);
}

void SpoolIndex::Add(SpoolSegment segment) {
  bytes_ += segment.file_bytes;
  const uint64_t first = segment.First();
  segments_.emplace(first, std::move(segment));
}

void SpoolIndex::Append(const std::string& segment, const SpoolEntry& entry) {
  if (segments_.empty() || std::prev(segments_.end())->second.name != segment) {
    segments_[entry.number].name = segment;
  }
  SpoolSegment& last = std::prev(segments_.end())->second;
  last.entries.push_back(entry);
  last.file_bytes += entry.bytes;
  bytes_ += entry.bytes;
}

void SpoolIndex::Remove(uint64_t first) {
  auto found = segments_.find(first);
  bytes_ -= found->second.file_bytes;
  segments_.erase(found);
}

std::optional<SpoolIndex::Place> SpoolIndex::Find(uint64_t number) const {
  auto next = segments_.upper_bound(number);
  if (next == segments_.begin()) return std::nullopt;
  const SpoolSegment& segment = std::prev(next)->second;
  const auto entry = std::lower_bound(segment.entries.begin(), segment.entries.end(), number,
                                      [](const SpoolEntry& e, uint64_t n) { return e.number < n; });
  if (entry == segment.entries.end() || entry->number != number) return std::nullopt;
  return Place{segment.name, *entry};
}

}  // namespace sonde::exporting
