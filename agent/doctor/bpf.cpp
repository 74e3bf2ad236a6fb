#include "agent/doctor/checks.h"
#include "agent/kernel/bpf_trial.h"

namespace sonde::doctor {

using State = base::Finding::State;

base::Findings CheckBpf() {
  const absl::Status made = kernel::TryBpf();
  if (!made.ok()) return {{"bpf", State::kFailed, std::string(made.message())}};
  return {{"bpf", State::kOk, "a BPF map can be made"}};
}

}  // namespace sonde::doctor
