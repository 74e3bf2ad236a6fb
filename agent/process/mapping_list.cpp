#include "agent/process/mapping_list.h"

#include <algorithm>
#include <utility>

namespace sonde::process {
namespace {

using model::CodeKind;
using model::Mapping;

bool HasFile(const Mapping& mapping) {
  return mapping.file->kind == CodeKind::kFile || mapping.file->kind == CodeKind::kVdso;
}

// Where address 0 would be in the file; equal for what is one mapping.
uint64_t Bias(const Mapping& mapping) { return HasFile(mapping) ? mapping.file_offset - mapping.start : 0; }

bool HoldSame(const Mapping& a, const Mapping& b) { return a.file == b.file && Bias(a) == Bias(b); }

Mapping PartOf(const Mapping& whole, uint64_t start, uint64_t limit) {
  uint64_t offset = HasFile(whole) ? whole.file_offset + (start - whole.start) : 0;
  return {start, limit, offset, whole.file};
}

// Adds what follows the last one of `list`, or makes that longer.
void Append(Mapping next, std::vector<Mapping>* list) {
  if (!list->empty() && list->back().limit == next.start && HoldSame(list->back(), next))
    list->back().limit = next.limit;
  else
    list->push_back(std::move(next));
}

// Code that nobody can sample: the kernel runs it on behalf of the process.
bool IsTrap(const Mapping& mapping) { return mapping.file->path == "[vsyscall]"; }

}  // namespace

MappingList::Outcome MappingList::Insert(Mapping mapping, size_t max_mappings) {
  if (!HasFile(mapping)) mapping.file_offset = 0;
  // All that overlaps or touches it: [first, last).
  auto first = std::ranges::lower_bound(mappings_, mapping.start, {}, &Mapping::limit);
  auto last = std::ranges::upper_bound(first, mappings_.end(), mapping.limit, {}, &Mapping::start);
  std::vector<Mapping> replacement;
  for (auto old = first; old != last; ++old) {
    if (HoldSame(*old, mapping) && old->start <= mapping.start && mapping.limit <= old->limit) {
      return Outcome::kUnchanged;
    }
    if (old->start < mapping.start) Append(PartOf(*old, old->start, std::min(old->limit, mapping.start)), &replacement);
  }
  Append(mapping, &replacement);
  for (auto old = first; old != last; ++old) {
    if (mapping.limit < old->limit) Append(PartOf(*old, std::max(old->start, mapping.limit), old->limit), &replacement);
  }
  const auto replaced = static_cast<size_t>(last - first);
  if (mappings_.size() - replaced + replacement.size() > std::max(max_mappings, mappings_.size()))
    return Outcome::kFull;
  auto at = mappings_.erase(first, last);
  mappings_.insert(at, std::make_move_iterator(replacement.begin()), std::make_move_iterator(replacement.end()));
  return Outcome::kChanged;
}

size_t MappingList::Assign(std::vector<Mapping> mappings, size_t max_mappings) {
  mappings_.clear();
  for (Mapping& mapping : mappings) {
    if (IsTrap(mapping)) continue;
    if (!HasFile(mapping)) mapping.file_offset = 0;
    Append(std::move(mapping), &mappings_);
  }
  if (mappings_.size() <= max_mappings) return 0;
  const size_t too_many = mappings_.size() - max_mappings;
  size_t left_out = 0;
  std::erase_if(mappings_, [&](const Mapping& mapping) { return !HasFile(mapping) && left_out++ < too_many; });
  mappings_.resize(std::min(mappings_.size(), max_mappings));
  return too_many;
}

bool operator==(const MappingList& a, const MappingList& b) {
  return std::ranges::equal(a.mappings_, b.mappings_, [](const Mapping& x, const Mapping& y) {
    return x.start == y.start && x.limit == y.limit && x.file_offset == y.file_offset && x.file == y.file;
  });
}

}  // namespace sonde::process
