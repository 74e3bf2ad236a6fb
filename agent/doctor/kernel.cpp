#include "agent/doctor/checks.h"
#include "agent/kernel/btf_features.h"

namespace sonde::doctor {

using State = base::Finding::State;

base::Findings CheckKernel(const kernel::KernelFiles& files) {
  if (const absl::Status btf = kernel::CheckBtf(files); !btf.ok()) {
    return {{"kernel", State::kFailed, std::string(btf.message())}};
  }
  const absl::StatusOr<kernel::Features> features = kernel::ProbeFeatures();
  if (!features.ok()) return {{"kernel", State::kFailed, std::string(features.status().message())}};
  base::Findings findings;
  for (const std::string& missing : features->Degraded()) {
    findings.push_back({"kernel", State::kWarning, missing, "a newer kernel has it; all else works"});
  }
  if (findings.empty())
    findings.push_back({"kernel", State::kOk, "it has BTF and every tracepoint that the agent uses"});
  return findings;
}

}  // namespace sonde::doctor
