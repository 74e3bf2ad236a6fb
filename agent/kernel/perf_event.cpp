#include "agent/kernel/perf_event.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/kernel/online_cpus.h"
#include "base/read_file.h"

namespace sonde::kernel {
namespace {

// What a refusal wants, in words for people.
std::string WhatIsNeeded() {
  const absl::StatusOr<std::string> paranoid = base::ReadFile("/proc/sys/kernel/perf_event_paranoid", 64);
  int level = 0;
  if (paranoid.ok() && absl::SimpleAtoi(absl::StripAsciiWhitespace(*paranoid), &level) && level > 2) {
    return absl::StrCat(
        "; kernel.perf_event_paranoid is ", level,
        ", at which the kernels of Debian and Ubuntu ask for CAP_SYS_ADMIN: set it to 2, or start the agent "
        "with that as well, which it gives up once its events are open");
  }
  return "; CAP_PERFMON is needed, and a container's seccomp profile must allow perf_event_open";
}

absl::StatusOr<base::UniqueFd> OpenOnCpu(perf_event_attr attr, int cpu, const char* what) {
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  long fd = ::syscall(SYS_perf_event_open, &attr, /*pid=*/-1, cpu, /*group_fd=*/-1, PERF_FLAG_FD_CLOEXEC);
  if (fd >= 0) return base::UniqueFd(static_cast<int>(fd));
  std::string text = absl::StrCat("cannot open ", what, " of CPU ", cpu, ": ", std::strerror(errno));
  if (errno == EPERM || errno == EACCES) {
    return absl::PermissionDeniedError(absl::StrCat(text, WhatIsNeeded()));
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

absl::StatusOr<PerfEvents> OpenPerfEvents(uint32_t hz) {
  absl::StatusOr<std::vector<int>> cpus = OnlineCpus();
  if (!cpus.ok()) return cpus.status();
  PerfEvents events;
  for (int cpu : *cpus) {
    absl::StatusOr<base::UniqueFd> clock = OpenCpuClock(cpu, hz), record = OpenProcessRecord(cpu);
    // Unplugged since the list was read.
    if (absl::IsNotFound(clock.status()) || absl::IsNotFound(record.status())) continue;
    if (!record.ok()) return record.status();
    if (!clock.ok()) return clock.status();
    events.clocks[cpu] = *std::move(clock);
    events.process_records[cpu] = *std::move(record);
  }
  return events;
}

}  // namespace sonde::kernel
