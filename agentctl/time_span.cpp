#include "agentctl/time_span.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sonde::agentctl {
namespace {

constexpr absl::Duration kLongest = absl::Hours(24 * 400);
// Unix seconds up to the year 5138; what is larger counts milliseconds.
constexpr int64_t kMostSeconds = 100'000'000'000;

absl::Status NoInstant(const std::string& text) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", text,
                   "' is no instant: write 18:00, '2026-11-30 18:00', 2026-11-30T18:00:00Z, "
                   "-10m (before now) or Unix seconds"));
}

// Of today where there is no day.
bool ParseLocal(const std::string& text, absl::Time now, absl::TimeZone zone, absl::Time* instant) {
  const std::string today = absl::FormatTime("%Y-%m-%d ", now, zone);
  std::string error;
  for (const char* format :
       {"%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"}) {
    if (absl::ParseTime(format, text, zone, instant, &error)) return true;
  }
  for (const char* format : {"%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"}) {
    if (absl::ParseTime(format, today + text, zone, instant, &error)) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseSpan(const std::string& text) {
  absl::Duration span;
  int64_t days = 0;
  if (absl::EndsWith(text, "d") && absl::SimpleAtoi(text.substr(0, text.size() - 1), &days)) {
    span = absl::Hours(24) * days;
  } else if (!absl::ParseDuration(text, &span)) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no length of time: write 90s, 10m, 24h or 7d"));
  }
  if (span > absl::ZeroDuration() && span <= kLongest) return span;
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' must be more than 0 and at most 400d"));
}

absl::StatusOr<absl::Time> ParseInstant(const std::string& text, absl::Time now, absl::TimeZone zone) {
  if (text == "now") return now;
  if (absl::StartsWith(text, "-")) {
    const absl::StatusOr<absl::Duration> back = ParseSpan(text.substr(1));
    return back.ok() ? absl::StatusOr<absl::Time>(now - *back) : NoInstant(text);
  }
  if (int64_t number = 0; absl::SimpleAtoi(text, &number) && number > 0) {
    return number <= kMostSeconds ? absl::FromUnixSeconds(number) : absl::FromUnixMillis(number);
  }
  absl::Time instant;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &instant, &error) || ParseLocal(text, now, zone, &instant))
    return instant;
  return NoInstant(text);
}

absl::StatusOr<TimeSpan> SpanFor(const std::string& since, const std::string& from, const std::string& to,
                                 absl::Duration otherwise, absl::Time now, absl::TimeZone zone) {
  if (!since.empty() && !from.empty()) return absl::InvalidArgumentError("--since and --from exclude each other");
  TimeSpan span{.from = {}, .to = now};
  if (!to.empty()) {
    const absl::StatusOr<absl::Time> end = ParseInstant(to, now, zone);
    if (!end.ok()) return absl::InvalidArgumentError(absl::StrCat("--to: ", std::string(end.status().message())));
    span.to = *end;
  }
  if (!from.empty()) {
    const absl::StatusOr<absl::Time> begin = ParseInstant(from, now, zone);
    if (!begin.ok()) return absl::InvalidArgumentError(absl::StrCat("--from: ", std::string(begin.status().message())));
    span.from = *begin;
  } else {
    const absl::StatusOr<absl::Duration> length = since.empty() ? otherwise : ParseSpan(since);
    if (!length.ok())
      return absl::InvalidArgumentError(absl::StrCat("--since: ", std::string(length.status().message())));
    span.from = span.to - *length;
  }
  if (span.from < span.to) return span;
  return absl::InvalidArgumentError("--from must be before --to, which is now unless told otherwise");
}

}  // namespace sonde::agentctl
