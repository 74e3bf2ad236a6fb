#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "agent/doctor/checks.h"

namespace sonde::doctor {

using State = base::Finding::State;

base::Findings CheckCapabilities(const kernel::KernelFiles& files) {
  if (const absl::Status needed = kernel::CheckCapabilities(files); !needed.ok()) {
    return {{"capabilities", State::kFailed, std::string(needed.message())}};
  }
  base::Findings findings;
  for (const std::string& missing : kernel::MissingOptionalCapabilities(files)) {
    findings.push_back(
        {"capabilities", State::kWarning, missing, "give the agent this capability too, as sonde-agent.service does"});
  }
  if (!findings.empty()) return findings;
  return {{"capabilities", State::kOk, absl::StrCat("uid ", ::geteuid(), " has all six that the agent uses")}};
}

}  // namespace sonde::doctor
