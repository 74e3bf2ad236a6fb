#include "agentctl/stored_selection.h"

#include "absl/strings/str_cat.h"
#include "profile/selector.h"

namespace sonde::agentctl {
namespace {

constexpr absl::Duration kUnlessAsked = absl::Minutes(15);

std::string Millis(absl::Time instant) { return absl::StrCat(absl::ToUnixMillis(instant)); }

}  // namespace

absl::StatusOr<CheckedSelection> Check(const StoredSelection& selection, absl::Time now) {
  const absl::StatusOr<std::string> url = CollectorUrl(selection.collector);
  if (!url.ok()) return url.status();
  const auto selector = profile::Selector::Parse(selection.query);
  if (!selector.ok())
    return absl::InvalidArgumentError(absl::StrCat("--query: ", std::string(selector.status().message())));
  const absl::StatusOr<TimeSpan> span =
      SpanFor(selection.since, selection.from, selection.to, kUnlessAsked, now, absl::LocalTimeZone());
  if (!span.ok()) return span.status();
  return CheckedSelection{*url, *span};
}

Parameters ParametersOf(const StoredSelection& selection, const TimeSpan& span) {
  return {{"query", selection.query}, {"from", Millis(span.from)}, {"to", Millis(span.to)}};
}

std::string PageUrl(const StoredSelection& selection, const CheckedSelection& checked) {
  const bool is_default = selection.kind == "cpu";
  return absl::StrCat(checked.url, "/",
                      QueryString({{"kind", is_default ? "" : selection.kind},
                                   {"from", Millis(checked.span.from)},
                                   {"to", Millis(checked.span.to)},
                                   {"labels", std::string(profile::WithoutBraces(selection.query))},
                                   {"focus", selection.focus},
                                   {"ignore", selection.ignore}}));
}

}  // namespace sonde::agentctl
