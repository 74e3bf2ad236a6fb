#include "agent/kernel/map_drain.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "agent/kernel/libbpf_log.h"

namespace sonde::kernel {
namespace {

constexpr uint32_t kBatch = 256;

using Batch = decltype(&bpf_map_lookup_batch);

// Goes through the map by one of the kernel's two batch calls; `tried` is for error texts.
absl::Status ForEachEntry(Batch batch, const char* tried, const HashMap& map, EntryVisitor visit) {
  std::vector<char> keys(size_t{kBatch} * map.key_bytes), values(size_t{kBatch} * map.value_bytes);
  uint32_t position = 0;
  bool is_first = true, is_last = false;
  // Twice the entries is a bound that a map nobody writes cannot reach.
  for (uint64_t taken = 0; !is_last && taken <= 2ULL * map.entries;) {
    uint32_t count = kBatch;
    int error = batch(map.fd, is_first ? nullptr : &position, &position, keys.data(), values.data(), &count, nullptr);
    if (error != 0 && error != -ENOENT) {
      return LibbpfError(absl::StrCat("cannot ", tried, " the map ", map.name), error);
    }
    is_last = error == -ENOENT;
    is_first = false;
    for (size_t i = 0; i < count; ++i) visit(keys.data() + i * map.key_bytes, values.data() + i * map.value_bytes);
    taken += count;
  }
  return absl::OkStatus();
}

HashMap ToHashMap(const bpf_map* map) {
  return {bpf_map__fd(map), bpf_map__name(map), bpf_map__key_size(map), bpf_map__value_size(map),
          bpf_map__max_entries(map)};
}

}  // namespace

absl::Status DrainMap(const HashMap& map, EntryVisitor visit) {
  return ForEachEntry(bpf_map_lookup_and_delete_batch, "drain", map, visit);
}

absl::Status DrainMap(const bpf_map* map, EntryVisitor visit) { return DrainMap(ToHashMap(map), visit); }

absl::Status VisitMap(const bpf_map* map, EntryVisitor visit) {
  return ForEachEntry(bpf_map_lookup_batch, "read", ToHashMap(map), visit);
}

absl::Status AddPerCpuCounters(const bpf_map* counters, const char* name, std::vector<uint64_t>& sums) {
  int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return LibbpfError("cannot tell the number of possible CPUs", cpus);
  std::vector<uint64_t> values(static_cast<size_t>(cpus));
  for (uint32_t i = 0; i < sums.size(); ++i) {
    int error = bpf_map_lookup_elem(bpf_map__fd(counters), &i, values.data());
    if (error != 0) return LibbpfError(absl::StrCat("cannot read ", name), error);
    sums[i] = std::accumulate(values.begin(), values.end(), sums[i]);
  }
  return absl::OkStatus();
}

}  // namespace sonde::kernel
