#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/kernel/scheduler_text.h"

namespace sonde::kernel {

// What this kernel has of what Sonde can use, as its BTF tells; never decided by version.
struct Features {
  bool task_storage = false;  // thread clocks live in task storage, else in a preallocated hash
  SchedulerText scheduler_text;  // empty when kallsyms hides addresses

  // In words for people: what is missing and what follows.
  std::vector<std::string> Degraded() const;
};

// kUnimplemented when the kernel has no BTF or lacks a tracepoint that nothing can stand in for (named).
absl::StatusOr<Features> ProbeFeatures();

}  // namespace sonde::kernel
