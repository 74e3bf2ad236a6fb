#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/kernel/preconditions.h"
#include "base/finding.h"

namespace sonde::doctor {

// One check a file: each says what this process finds on this host, and what to do about it. What the agent itself
// would stop at is asked of the agent's own code. None changes anything but a file that CheckFolder() makes and
// removes. That of a target is in target_check.h, since it costs gRPC's headers.

// BTF, and the tracepoints that the agent needs or would rather have.
base::Findings CheckKernel(const kernel::KernelFiles& files);
base::Findings CheckCapabilities(const kernel::KernelFiles& files);
base::Findings CheckLockdown(const kernel::KernelFiles& files);
// Tries both. `proc` is where the kernel's files of this name are: /proc.
base::Findings CheckPerfEvents(const std::string& proc);
base::Findings CheckBpf();

// Of this process. `cpus`: each has descriptors of its own.
base::Findings CheckLimits(const std::string& proc, size_t cpus, bool maps_in_memory_cgroup);

// A folder that the agent writes to.
struct Folder {
  std::string key;            // of the settings: "spool.directory"
  std::string path;           // absolute
  uint64_t wanted_bytes = 0;  // that it may come to hold
  bool is_spool = false;      // this user's alone, and leaves room for others on its disk
};
base::Findings CheckFolder(const Folder& folder);

}  // namespace sonde::doctor
