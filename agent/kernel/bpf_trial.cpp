#include "agent/kernel/bpf_trial.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace sonde::kernel {

absl::Status TryBpf() {
  const base::UniqueFd ring(::bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sonde_trial", 0, 0,
                                             static_cast<uint32_t>(::sysconf(_SC_PAGESIZE)), nullptr));
  if (ring.IsValid()) return absl::OkStatus();
  const std::string text = absl::StrCat("cannot make a BPF map: ", std::strerror(errno));
  if (errno != EPERM && errno != EACCES) {
    return absl::UnimplementedError(absl::StrCat(text, "; a kernel with BPF ring buffers is needed, 5.8 or newer"));
  }
  return absl::PermissionDeniedError(absl::StrCat(text,
                                                  "; CAP_BPF is needed, a container's seccomp profile must allow bpf, "
                                                  "and before Linux 5.11 LimitMEMLOCK must have room"));
}

}  // namespace sonde::kernel
