#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sonde::agentctl {

// "10s", "1h30m", and whole days: "7d". More than 0, and at most 400 days. kInvalidArgument says what would be right.
absl::StatusOr<absl::Duration> ParseSpan(const std::string& text);

// An instant as people write it: "18:00" (today), "2026-11-30 18:00", both with seconds if need be and in `zone`;
// RFC 3339; Unix seconds or milliseconds; "now", or "-10m" for so long before `now`. kInvalidArgument as above.
absl::StatusOr<absl::Time> ParseInstant(const std::string& text, absl::Time now, absl::TimeZone zone);

struct TimeSpan {
  absl::Time from, to;
};

// What was asked for by flags: --since, or --from and --to, or neither, which is `otherwise` up to now. `to` is by
// default now. kInvalidArgument: they exclude each other, are not in order, or cannot be read.
absl::StatusOr<TimeSpan> SpanFor(const std::string& since, const std::string& from, const std::string& to,
                                 absl::Duration otherwise, absl::Time now, absl::TimeZone zone);

}  // namespace sonde::agentctl
