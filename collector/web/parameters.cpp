#include "collector/web/parameters.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sonde::web {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kDefaultRangeNs = 900 * kNsPerSecond;
constexpr int64_t kMaxMs = INT64_MAX / kNsPerMs;
constexpr int64_t kMaxSeconds = 31'622'400;  // 366 days

absl::Status Refuse(const std::string& reason) { return absl::InvalidArgumentError(reason); }

bool Has(const http::Request& request, const char* name) { return !TextParameter(request, name).empty(); }

absl::StatusOr<store::TimeRange> RangeOf(const http::Request& request, int64_t now_unix_ns) {
  store::TimeRange range = {now_unix_ns - kDefaultRangeNs, now_unix_ns};
  if (Has(request, "seconds")) {
    if (Has(request, "from") || Has(request, "to")) return Refuse("give either 'seconds' or 'from' and 'to'");
    auto seconds = NumberParameter(request, "seconds", 0, 1, kMaxSeconds);
    if (!seconds.ok()) return seconds.status();
    range.from_ns = now_unix_ns - *seconds * kNsPerSecond;
    return range;
  }
  auto to_ms = NumberParameter(request, "to", now_unix_ns / kNsPerMs, 0, kMaxMs);
  if (!to_ms.ok()) return to_ms.status();
  if (Has(request, "to")) range.to_ns = *to_ms * kNsPerMs;
  auto from_ms = NumberParameter(request, "from", 0, 0, kMaxMs);
  if (!from_ms.ok()) return from_ms.status();
  range.from_ns = Has(request, "from") ? *from_ms * kNsPerMs : range.to_ns - kDefaultRangeNs;
  if (range.from_ns >= range.to_ns) return Refuse("'from' must be before 'to'");
  return range;
}

}  // namespace

absl::Status CheckParameters(const http::Request& request, std::initializer_list<std::string_view> known) {
  if (!request.repeated_parameter.empty()) {
    return Refuse(absl::StrCat("parameter '", request.repeated_parameter, "' is given twice"));
  }
  for (const auto& [name, value] : request.parameters) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string names = absl::StrJoin(known, ", ", [](std::string* out, std::string_view one) { *out += one; });
    return Refuse(absl::StrCat("parameter '", name, "' is unknown; known are: ", names));
  }
  return absl::OkStatus();
}

std::string TextParameter(const http::Request& request, const std::string& name) {
  auto found = request.parameters.find(name);
  return found == request.parameters.end() ? std::string() : found->second;
}

absl::StatusOr<int64_t> NumberParameter(const http::Request& request, const std::string& name, int64_t fallback,
                                        int64_t least, int64_t most) {
  std::string text = TextParameter(request, name);
  if (text.empty()) return fallback;
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number >= least && number <= most) return number;
  return Refuse(absl::StrCat("'", name, "' must be a whole number from ", least, " to ", most));
}

absl::StatusOr<query::Selection> SelectionOf(const http::Request& request, std::string kind, int64_t now_unix_ns) {
  auto range = RangeOf(request, now_unix_ns);
  if (!range.ok()) return range.status();
  auto selector = profile::Selector::Parse(TextParameter(request, "query"));
  if (!selector.ok()) return selector.status();
  return query::Selection{std::move(kind), *std::move(selector), *range};
}

}  // namespace sonde::web
