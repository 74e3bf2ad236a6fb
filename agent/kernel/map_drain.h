#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

struct bpf_map;

namespace sonde::kernel {

// What is needed to go through a hash map.
struct HashMap {
  int fd = -1;
  std::string name;  // for error texts
  uint32_t key_bytes = 0;
  uint32_t value_bytes = 0;
  uint32_t entries = 0;  // at most
};

using EntryVisitor = absl::FunctionRef<void(const void* key, const void* value)>;

// Takes every entry out of a hash map that no program writes any more, in batches of at most 256 keys: while a batch
// runs, the kernel skips perf-event programs on that CPU.
absl::Status DrainMap(const HashMap& map, EntryVisitor visit);
absl::Status DrainMap(const bpf_map* map, EntryVisitor visit);

// Shows every entry of a hash map that programs go on writing: one that comes or goes meanwhile may be shown or not.
absl::Status VisitMap(const bpf_map* map, EntryVisitor visit);

// The same. REQUIRES: the map's keys and values are of these types.
template <typename Key, typename Value>
absl::Status DrainMapOf(const bpf_map* map, absl::FunctionRef<void(const Key&, const Value&)> visit) {
  return DrainMap(map, [&](const void* key, const void* value) {
    visit(*static_cast<const Key*>(key), *static_cast<const Value*>(value));
  });
}
template <typename Key, typename Value>
absl::Status VisitMapOf(const bpf_map* map, absl::FunctionRef<void(const Key&, const Value&)> visit) {
  return VisitMap(map, [&](const void* key, const void* value) {
    visit(*static_cast<const Key*>(key), *static_cast<const Value*>(value));
  });
}

// Adds each entry of a per-CPU array of counters, over all CPUs, to its place in `sums`. `name` is for error texts.
absl::Status AddPerCpuCounters(const bpf_map* counters, const char* name, std::vector<uint64_t>& sums);

}  // namespace sonde::kernel
