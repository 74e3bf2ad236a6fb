#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace sonde::kernel {

// Where the kernel tells about itself; other places only in tests.
struct KernelFiles {
  std::string btf = "/sys/kernel/btf/vmlinux";
  std::string lockdown = "/sys/kernel/security/lockdown";
  std::string own_status = "/proc/self/status";
};

// The parts of CheckPreconditions(), each by itself.
absl::Status CheckCapabilities(const KernelFiles& files);
absl::Status CheckBtf(const KernelFiles& files);
absl::Status CheckLockdown(const KernelFiles& files);

// Whether the agent can work here at all, before anything is loaded: kPermissionDenied names the capabilities that are
// missing or the lockdown, kUnimplemented what the kernel lacks. Both say what to do.
absl::Status CheckPreconditions(const KernelFiles& files);

// Capabilities that are not held though wanted, each with what its lack costs. Empty for root.
std::vector<std::string> MissingOptionalCapabilities(const KernelFiles& files);

// The calling thread has CAP_SYS_ADMIN no more, nor has any thread or program that it starts; root keeps what it has.
// Call before any other thread is there.
absl::Status GiveUpSysAdmin();

}  // namespace sonde::kernel
