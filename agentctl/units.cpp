#include "agentctl/units.h"

#include "absl/strings/str_cat.h"

namespace sonde::agentctl {

absl::StatusOr<absl::Duration> ParseInterval(const std::string& text) {
  absl::Duration interval;
  if (!absl::ParseDuration(text, &interval)) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a duration: write it like 10s or 1m30s"));
  }
  if (interval <= absl::ZeroDuration() || interval > absl::Minutes(10)) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' must be more than 0 and at most 10m"));
  }
  return interval;
}

}  // namespace sonde::agentctl
