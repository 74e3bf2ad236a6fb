#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agentctl/doctor/host_checks.h"
#include "base/read_file.h"

namespace sonde::agentctl {

using State = base::Finding::State;

base::Findings CheckUnprivilegedBpf(const std::string& root) {
  const absl::StatusOr<std::string> text = base::ReadFile(root + "/proc/sys/kernel/unprivileged_bpf_disabled", 64);
  if (!text.ok())
    return {
        {"unprivileged bpf", State::kOk, "this kernel has no such setting: nobody without rights may load programs"}};
  const std::string value(absl::StripAsciiWhitespace(*text));
  if (value != "0")
    return {
        {"unprivileged bpf", State::kOk, absl::StrCat("it is off (kernel.unprivileged_bpf_disabled is ", value, ")")}};
  return {{"unprivileged bpf", State::kWarning, "kernel.unprivileged_bpf_disabled is 0: any user may load BPF programs",
           "the agent has CAP_BPF and does not need that: sysctl kernel.unprivileged_bpf_disabled=2"}};
}

}  // namespace sonde::agentctl
