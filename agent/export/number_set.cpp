#include "agent/export/number_set.h"

#include <algorithm>
#include <iterator>

namespace sonde::exporting {

void NumberSet::Insert(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  auto next = ranges_.upper_bound(begin);
  if (next != ranges_.begin() && std::prev(next)->second >= begin) --next;
  while (next != ranges_.end() && next->first <= end) {
    begin = std::min(begin, next->first);
    end = std::max(end, next->second);
    next = ranges_.erase(next);
  }
  ranges_.emplace_hint(next, begin, end);
}

bool NumberSet::Contains(uint64_t number) const { return FirstMissing(number) != number; }

uint64_t NumberSet::FirstMissing(uint64_t from) const {
  auto next = ranges_.upper_bound(from);
  if (next == ranges_.begin()) return from;
  return std::max(from, std::prev(next)->second);
}

uint64_t NumberSet::LastMissing(uint64_t end) const {
  if (end == 0) return 0;
  auto next = ranges_.lower_bound(end);
  if (next == ranges_.begin() || std::prev(next)->second < end) return end - 1;
  const uint64_t begin = std::prev(next)->first;
  return begin == 0 ? end : begin - 1;
}

uint64_t NumberSet::CountMissing(uint64_t begin, uint64_t end) const {
  uint64_t missing = 0;
  for (uint64_t at = FirstMissing(begin); at < end; at = FirstMissing(at)) {
    auto next = ranges_.lower_bound(at);
    const uint64_t until = next == ranges_.end() ? end : std::min(end, next->first);
    missing += until - at;
    at = until;
  }
  return missing;
}

NumberSet NumberSet::MovedUp(uint64_t from, uint64_t by) const {
  NumberSet moved;
  for (const auto& [begin, end] : ranges_) {
    if (end > from) moved.Insert(std::max(begin, from) + by, end + by);
  }
  return moved;
}

void NumberSet::Unite(const NumberSet& other) {
  for (const auto& [begin, end] : other.ranges_) Insert(begin, end);
}

}  // namespace sonde::exporting
