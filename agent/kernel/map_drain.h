#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace sonde::kernel {

// Takes every entry out of a hash map that no program writes any more, in batches of at most 256 keys: while a batch
// runs, the kernel skips perf-event programs on that CPU. `visit` gets key and value.
// `name` is for error texts; sizes are those of the map.
absl::Status DrainMap(int fd, const char* name, size_t key_bytes, size_t value_bytes, uint32_t max_entries,
                      absl::FunctionRef<void(const void* key, const void* value)> visit);

// Shows every entry of a hash map that programs go on writing: one that comes or goes meanwhile may be shown or not.
absl::Status VisitMap(int fd, const char* name, size_t key_bytes, size_t value_bytes, uint32_t max_entries,
                      absl::FunctionRef<void(const void* key, const void* value)> visit);

// Sum over all CPUs of each entry of a per-CPU array of counters.
absl::Status ReadPerCpuCounters(int fd, const char* name, std::vector<uint64_t>& sums);

}  // namespace sonde::kernel
