#include "agent/kernel/slice_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "absl/strings/str_cat.h"
#include "agent/kernel/bpf_cost.h"
#include "agent/kernel/libbpf_log.h"

namespace sonde::kernel {

SliceMaps::SliceMaps(const bpf_map* outer) : outer_(outer) {
  // libbpf forgets the shape when it loads the object.
  const bpf_map* inner = bpf_map__inner_map(const_cast<bpf_map*>(outer));
  shape_ = {-1, bpf_map__name(outer), bpf_map__key_size(inner), bpf_map__value_size(inner),
            bpf_map__max_entries(inner)};
}

absl::Status SliceMaps::Make() {
  for (uint32_t parity = 0; parity < maps_.size(); ++parity) {
    if (maps_[parity].IsValid()) continue;
    int fd = bpf_map_create(BPF_MAP_TYPE_HASH, shape_.name.c_str(), shape_.key_bytes, shape_.value_bytes,
                            shape_.entries, nullptr);
    if (fd < 0) return LibbpfError(absl::StrCat("cannot make a map of ", shape_.name), fd);
    maps_[parity].Reset(fd);
    if (int error = bpf_map_update_elem(bpf_map__fd(outer_), &parity, &fd, BPF_ANY); error != 0) {
      maps_[parity].Reset();
      return LibbpfError(absl::StrCat("cannot show programs a map of ", shape_.name), error);
    }
  }
  return absl::OkStatus();
}

void SliceMaps::Drop() {
  for (uint32_t parity = 0; parity < maps_.size(); ++parity) {
    if (!maps_[parity].IsValid()) continue;
    // Returns when no program that found it runs any more; only then may it be freed, which old kernels do at once.
    (void)bpf_map_delete_elem(bpf_map__fd(outer_), &parity);
    maps_[parity].Reset();
  }
}

absl::Status SliceMaps::Drain(uint32_t number, EntryVisitor visit) {
  const base::UniqueFd& map = maps_[number & 1];
  if (!map.IsValid()) return absl::OkStatus();
  HashMap one = shape_;
  one.fd = map.Get();
  return DrainMap(one, visit);
}

uint64_t SliceMaps::Bytes() const {
  uint64_t bytes = 0;
  for (const base::UniqueFd& map : maps_) bytes += map.IsValid() ? MapBytes(map.Get()).value_or(0) : 0;
  return bytes;
}

}  // namespace sonde::kernel
