#include "agent/doctor/checks.h"

namespace sonde::doctor {

using State = base::Finding::State;

base::Findings CheckLockdown(const kernel::KernelFiles& files) {
  const absl::Status lockdown = kernel::CheckLockdown(files);
  if (!lockdown.ok()) return {{"lockdown", State::kFailed, std::string(lockdown.message())}};
  return {{"lockdown", State::kOk, "the kernel lets BPF programs read its memory"}};
}

}  // namespace sonde::doctor
