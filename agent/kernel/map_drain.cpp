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
absl::Status ForEachEntry(Batch batch, const char* tried, int fd, const char* name, size_t key_bytes,
                          size_t value_bytes, uint32_t max_entries,
                          absl::FunctionRef<void(const void*, const void*)> visit) {
  std::vector<char> keys(kBatch * key_bytes), values(kBatch * value_bytes);
  uint32_t position = 0;
  bool is_first = true, is_last = false;
  // Twice the entries is a bound that a map nobody writes cannot reach.
  for (uint64_t taken = 0; !is_last && taken <= 2ULL * max_entries;) {
    uint32_t count = kBatch;
    int error = batch(fd, is_first ? nullptr : &position, &position, keys.data(), values.data(), &count, nullptr);
    if (error != 0 && error != -ENOENT) return LibbpfError(absl::StrCat("cannot ", tried, " the map ", name), error);
    is_last = error == -ENOENT;
    is_first = false;
    for (uint32_t i = 0; i < count; ++i) visit(keys.data() + i * key_bytes, values.data() + i * value_bytes);
    taken += count;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DrainMap(int fd, const char* name, size_t key_bytes, size_t value_bytes, uint32_t max_entries,
                      absl::FunctionRef<void(const void*, const void*)> visit) {
  return ForEachEntry(bpf_map_lookup_and_delete_batch, "drain", fd, name, key_bytes, value_bytes, max_entries, visit);
}

absl::Status VisitMap(int fd, const char* name, size_t key_bytes, size_t value_bytes, uint32_t max_entries,
                      absl::FunctionRef<void(const void*, const void*)> visit) {
  return ForEachEntry(bpf_map_lookup_batch, "read", fd, name, key_bytes, value_bytes, max_entries, visit);
}

absl::Status ReadPerCpuCounters(int fd, const char* name, std::vector<uint64_t>& sums) {
  int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return LibbpfError("cannot tell the number of possible CPUs", cpus);
  std::vector<uint64_t> values(static_cast<size_t>(cpus));
  for (uint32_t i = 0; i < sums.size(); ++i) {
    int error = bpf_map_lookup_elem(fd, &i, values.data());
    if (error != 0) return LibbpfError(absl::StrCat("cannot read ", name), error);
    sums[i] = std::accumulate(values.begin(), values.end(), uint64_t{0});
  }
  return absl::OkStatus();
}

}  // namespace sonde::kernel
