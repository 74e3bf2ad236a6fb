#include "agent/aggregate/left_out_waits.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace sonde::aggregate {
namespace {

bool IsLeftOut(const RowKey& key) { return key.stack == model::kStackNotDrawn; }

// Of a process or kind, reason and system call, whatever stack.
RowKey PoolKey(uint32_t owner, const RowKey& row) { return {owner, row.reason, row.syscall, {}}; }

uint32_t Itself(uint32_t tgid) { return tgid; }

uint64_t NsWithinWork(const Rows& rows, bool left_out_only) {
  uint64_t ns = 0;
  for (const auto& [key, sum] : rows) {
    if (profile::IsOffCpu(key.reason) && IsWithinWork(key) && (!left_out_only || IsLeftOut(key))) ns += sum.ns;
  }
  return ns;
}

}  // namespace

void LeftOutWaits::AddDrawn(const model::RawSample& sample, uint32_t one_in) {
  drawn_[{sample.tgid, sample.reason, sample.syscall, sample.stack}].Add(sample, one_in);
}

LeftOutWaits::Pools LeftOutWaits::PoolsOfDrawn(KindOf kind_of) const {
  Pools pools;
  for (const auto& [key, waits] : drawn_) {
    if (waits.ns > 0) pools[PoolKey(kind_of(key.tgid), key)].At(key.stack).Add(waits);
  }
  return pools;
}

LeftOutWaits::Pools LeftOutWaits::PoolsOfAll(const Rows& rows) {
  Pools pools;
  for (const auto& [key, sum] : rows) {
    if (key.stack.high == 0 || sum.ns == 0) continue;
    DrawnWaits& waits = pools[PoolKey(key.tgid, key)].At(key.stack);
    waits.count = static_cast<double>(sum.count);
    waits.ns = static_cast<double>(sum.ns);
    std::ranges::copy(sum.lengths.counts, waits.lengths.begin());
  }
  return pools;
}

Rows LeftOutWaits::SpreadOver(const Pools& pools, KindOf kind_of, Rows* rows) {
  std::vector<std::pair<RowKey, RowSum>> left_out;
  for (const auto& [key, sum] : *rows) {
    if (IsLeftOut(key) && pools.contains(PoolKey(kind_of(key.tgid), key))) left_out.emplace_back(key, sum);
  }
  Rows spread;
  for (const auto& [key, sum] : left_out) {
    const RowKey pool_key = PoolKey(kind_of(key.tgid), key);
    spread[pool_key].Add(sum);
    rows->erase(key);
    for (const auto& [stack, part] : pools.at(pool_key).Split(sum)) {
      if (part.count != 0 || part.ns != 0) (*rows)[{key.tgid, key.reason, key.syscall, stack}].Add(part);
    }
  }
  return spread;
}

StackError LeftOutWaits::Spread(KindOf kind_of, Rows* rows) const {
  StackError error{.off_cpu_ns = NsWithinWork(*rows, false), .left_out_ns = NsWithinWork(*rows, true)};
  double expected_ns = 0;
  for (const KindOf& owner : {KindOf(Itself), kind_of}) {
    const Pools pools = PoolsOfDrawn(owner);
    for (const auto& [key, sum] : SpreadOver(pools, owner, rows)) {
      if (IsWithinWork(key)) expected_ns += pools.at(key).ExpectedError(sum);
    }
  }
  // Where none was drawn nothing is known of the split: all of it may be wrong, as what stays without a stack is.
  error.expected_ns = static_cast<uint64_t>(expected_ns) + NsWithinWork(*rows, true);
  SpreadOver(PoolsOfAll(*rows), Itself, rows);
  return error;
}

}  // namespace sonde::aggregate
