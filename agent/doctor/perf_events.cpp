#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/doctor/checks.h"
#include "agent/kernel/online_cpus.h"
#include "agent/kernel/perf_event.h"
#include "base/read_file.h"

namespace sonde::doctor {

using State = base::Finding::State;

base::Findings CheckPerfEvents(const std::string& proc) {
  const absl::StatusOr<std::string> level = base::ReadFile(proc + "/sys/kernel/perf_event_paranoid", 64);
  const std::string words =
      level.ok() ? absl::StrCat("kernel.perf_event_paranoid is ", std::string(absl::StripAsciiWhitespace(*level)))
                 : "kernel.perf_event_paranoid cannot be read";
  const absl::StatusOr<std::vector<int>> cpus = kernel::OnlineCpus();
  const absl::Status opened =
      cpus.ok() && !cpus->empty() ? kernel::OpenCpuClock(cpus->front(), 99).status() : cpus.status();
  if (!opened.ok())
    return {{"perf events", State::kFailed, absl::StrCat(std::string(opened.message()), " (", words, ")")}};
  return {{"perf events", State::kOk, absl::StrCat("they can be opened; ", words)}};
}

}  // namespace sonde::doctor
