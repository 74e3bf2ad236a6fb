#include "agent/doctor/target_check.h"

#include "absl/strings/str_cat.h"

namespace sonde::doctor {

using State = base::Finding::State;

base::Findings CheckTarget(const std::string& type, const exporting::ExportTarget& target,
                           const exporting::Trial& trial) {
  const std::string check = "target " + target.endpoint;
  if (trial.reached != exporting::Trial::Step::kAll) {
    return {{check, State::kFailed, absl::StrCat(exporting::StepName(trial.reached), ": ", trial.words)}};
  }
  const char* login = !target.auth.token_file.empty() ? ", with a token"
                      : !target.auth.username.empty() ? ", with a password"
                                                      : "";
  return {{check, State::kOk,
           absl::StrCat("it is there, speaks ", type, target.tls.enabled ? " over TLS" : " in clear text", login,
                        ", and lets this agent in")}};
}

}  // namespace sonde::doctor
