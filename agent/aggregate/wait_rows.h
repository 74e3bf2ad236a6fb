#pragma once

#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "agent/aggregate/wait_quantile.h"
#include "agent/model/slice.h"

namespace sonde::aggregate {

// What one process spent for one reason at one stack.
struct RowKey {
  uint32_t tgid = 0;
  profile::Reason reason = profile::Reason::kOnCpu;
  uint16_t syscall = model::kNoSyscall;
  model::StackId stack;

  friend bool operator==(const RowKey&, const RowKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const RowKey& key) {
    return H::combine(std::move(state), key.tgid, key.reason, key.syscall, key.stack);
  }
};

inline bool IsWithinWork(const RowKey& key) { return profile::GroupOf(key.reason) != profile::ReasonGroup::kIdle; }

// Waits, summed; or samples on a CPU, or page faults.
struct RowSum {
  uint64_t count = 0;
  uint64_t ns = 0;
  model::WaitLengths lengths;
  uint64_t bytes = 0;  // of page faults

  // `More` is anything with these three.
  template <typename More>
  void Add(const More& more) {
    count += more.count;
    ns += more.ns;
    aggregate::Add(more.lengths, &lengths);
  }
};

using Rows = absl::flat_hash_map<RowKey, RowSum>;

}  // namespace sonde::aggregate
