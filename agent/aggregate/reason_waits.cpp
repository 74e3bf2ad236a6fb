#include "agent/aggregate/reason_waits.h"

#include <algorithm>
#include <utility>

namespace sonde::aggregate {

void ReasonWaits::Add(profile::Reason reason, uint64_t count, const model::WaitLengths& lengths) {
  AddWaits({.count = count, .longest_ns = lengths.longest_ns, .reason = reason});
  for (size_t i = 0; i < lengths.counts.size(); ++i) {
    if (lengths.counts[i] == 0) continue;
    AddLength({.count = lengths.counts[i], .reason = reason, .bucket = static_cast<uint8_t>(i)});
  }
}

void ReasonWaits::Add(const ReasonWaits& more) {
  for (const Waits& waits : more.waits_) AddWaits(waits);
  for (const Length& length : more.lengths_) AddLength(length);
}

RowSum ReasonWaits::Of(profile::Reason reason) const {
  RowSum sum;
  for (const Waits& waits : waits_) {
    if (waits.reason != reason) continue;
    sum.count = waits.count;
    sum.lengths.longest_ns = waits.longest_ns;
  }
  for (const Length& length : lengths_) {
    if (length.reason == reason) sum.lengths.counts[length.bucket] = length.count;
  }
  return sum;
}

void ReasonWaits::AddWaits(const Waits& more) {
  auto found = std::ranges::lower_bound(waits_, more.reason, {}, &Waits::reason);
  if (found == waits_.end() || found->reason != more.reason) {
    waits_.insert(found, more);
    return;
  }
  found->count += more.count;
  found->longest_ns = std::max(found->longest_ns, more.longest_ns);
}

void ReasonWaits::AddLength(const Length& more) {
  const auto place = [](const Length& length) { return std::pair(length.reason, length.bucket); };
  auto found = std::ranges::lower_bound(lengths_, place(more), {}, place);
  if (found == lengths_.end() || place(*found) != place(more)) {
    lengths_.insert(found, more);
  } else {
    found->count += more.count;
  }
}

}  // namespace sonde::aggregate
