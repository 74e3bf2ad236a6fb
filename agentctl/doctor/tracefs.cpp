#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "agentctl/doctor/host_checks.h"

namespace sonde::agentctl {

base::Findings CheckTracefs(const std::string& root) {
  constexpr char kNeedless[] = "the agent does without: it reaches tracepoints by BTF";
  for (const char* place : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    if (::access(absl::StrCat(root, place, "/available_events").c_str(), F_OK) != 0) continue;
    return {{"tracefs", base::Finding::State::kOk, absl::StrCat("it is mounted at ", place, "; ", kNeedless)}};
  }
  return {{"tracefs", base::Finding::State::kOk, absl::StrCat("it is not mounted, or not for this user; ", kNeedless)}};
}

}  // namespace sonde::agentctl
