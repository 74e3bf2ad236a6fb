#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/kernel/kernel_text.h"

namespace sonde::kernel {

// Both ends belong to it.
struct PortRange {
  uint16_t first = 32768;
  uint16_t last = 60999;
};

// Of requests to block devices.
struct BlockTracepoints {
  bool requests = false;  // insert, issue and complete
  bool start = false;     // who makes a request is told, and when the kernel books its end
  bool merge = false;
  bool queue_argument = false;  // insert, issue and merge name the queue first
  bool dirty_folio = false;     // who makes memory of a file dirty is told,
  bool dirty_page = false;      // or that of a page, as older kernels call it
  uint32_t flush_step_bit = 4;  // RQF_FLUSH_SEQ: of an enum, with another number, since 6.11
};

// Of page faults.
struct FaultTracepoints {
  bool faults = false;
  bool growth = false;  // what a fault brought can be told from counters that each CPU has a part of
};

// What this kernel has of what Sonde can use, as its BTF tells; never decided by version.
struct Features {
  bool task_storage = false;     // thread clocks live in task storage, else in a preallocated hash
  bool lock_contention = false;  // waits for the kernel's own locks are told from others
  BlockTracepoints block;
  FaultTracepoints faults;
  bool maps_in_memory_cgroup = false;  // memory of BPF maps counts there, and no longer against RLIMIT_MEMLOCK
  KernelText text;                     // empty when kallsyms hides addresses
  PortRange ephemeral_ports;

  // In words for people: what is missing and what follows.
  std::vector<std::string> Degraded() const;
};

// kUnimplemented when the kernel has no BTF or lacks a tracepoint that nothing can stand in for (named).
absl::StatusOr<Features> ProbeFeatures();

}  // namespace sonde::kernel
