#include "agent/kernel/perf_event.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace sonde::kernel {

absl::StatusOr<base::UniqueFd> OpenCpuClock(int cpu, uint32_t hz) {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_period = 1'000'000'000 / hz;
  long fd = ::syscall(SYS_perf_event_open, &attr, /*pid=*/-1, cpu, /*group_fd=*/-1, PERF_FLAG_FD_CLOEXEC);
  if (fd >= 0) return base::UniqueFd(static_cast<int>(fd));
  std::string text = absl::StrCat("cannot open the sampling clock of CPU ", cpu, ": ", std::strerror(errno));
  if (errno == EPERM || errno == EACCES) {
    return absl::PermissionDeniedError(absl::StrCat(
        text, "; CAP_PERFMON is needed, and a container's seccomp profile must allow perf_event_open"));
  }
  if (errno == ENODEV) return absl::NotFoundError(text);  // the CPU went away
  return absl::UnimplementedError(absl::StrCat(text, "; the kernel must have CONFIG_PERF_EVENTS"));
}

}  // namespace sonde::kernel
