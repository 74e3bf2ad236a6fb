#include "agent/kernel/perf_event.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace sonde::kernel {
namespace {

absl::StatusOr<base::UniqueFd> OpenOnCpu(perf_event_attr attr, int cpu, const char* what) {
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  long fd = ::syscall(SYS_perf_event_open, &attr, /*pid=*/-1, cpu, /*group_fd=*/-1, PERF_FLAG_FD_CLOEXEC);
  if (fd >= 0) return base::UniqueFd(static_cast<int>(fd));
  std::string text = absl::StrCat("cannot open ", what, " of CPU ", cpu, ": ", std::strerror(errno));
  if (errno == EPERM || errno == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat(text, "; CAP_PERFMON is needed, and a container's seccomp profile must allow perf_event_open"));
  }
  if (errno == ENODEV) return absl::NotFoundError(text);  // the CPU went away
  return absl::UnimplementedError(absl::StrCat(text, "; the kernel must have CONFIG_PERF_EVENTS"));
}

}  // namespace

absl::StatusOr<base::UniqueFd> OpenCpuClock(int cpu, uint32_t hz) {
  perf_event_attr attr{};
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_period = 1'000'000'000 / hz;
  return OpenOnCpu(attr, cpu, "the sampling clock");
}

absl::StatusOr<base::UniqueFd> OpenProcessRecord(int cpu) {
  perf_event_attr attr{};
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
  attr.sample_id_all = 1;
  attr.mmap = 1;  // executable ones; others would need mmap_data
  attr.mmap2 = 1;
  attr.comm = 1;
  attr.comm_exec = 1;
  attr.task = 1;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  attr.watermark = 1;
  attr.wakeup_watermark = 1;
  return OpenOnCpu(attr, cpu, "the record of processes");
}

}  // namespace sonde::kernel
