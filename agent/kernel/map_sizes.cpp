#include "agent/kernel/map_sizes.h"

#include <bpf/libbpf.h>

#include "absl/strings/str_cat.h"
#include "agent/kernel/libbpf_log.h"

namespace sonde::kernel {

absl::Status FitToCpus(std::initializer_list<bpf_map*> maps) {
  constexpr int kFewCpus = 2;
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return LibbpfError("cannot tell the number of possible CPUs", cpus);
  if (cpus > kFewCpus) return absl::OkStatus();
  for (bpf_map* map : maps) {
    if (int error = bpf_map__set_max_entries(map, bpf_map__max_entries(map) / 2); error != 0) {
      return LibbpfError(absl::StrCat("cannot size the map ", bpf_map__name(map)), error);
    }
  }
  return absl::OkStatus();
}

}  // namespace sonde::kernel
