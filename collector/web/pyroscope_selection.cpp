#include "collector/web/pyroscope_selection.h"

#include <re2/re2.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "profile/kind.h"
#include "profile/selector.h"

namespace sonde::web {
namespace {

constexpr int64_t kNsInMillisecond = 1'000'000;

std::string KindOfName(const std::string& name) {
  for (profile::Kind kind : profile::AllKinds()) {
    if (name == profile::PyroscopeName(kind)) return std::string(profile::KindName(kind));
  }
  return name;
}

bool IsHex(const std::string& id, size_t digits) {
  return id.size() == digits && std::ranges::all_of(id, [](unsigned char c) { return absl::ascii_isxdigit(c); });
}

}  // namespace

std::string NameOfKind(const std::string& kind) {
  const auto ours = profile::ParseKind(kind);
  return ours.has_value() ? std::string(profile::PyroscopeName(*ours)) : kind;
}

absl::StatusOr<TypeId> ParseTypeId(const std::string& id) {
  const std::vector<std::string> parts = absl::StrSplit(id, ':');
  if (parts.size() < 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", id, "' is no profile type; one is NAME:TYPE:UNIT:PERIOD_TYPE:PERIOD_UNIT"));
  }
  // A kind of another client may have a colon of its own.
  const size_t name_parts = parts.size() - 4;
  const std::string name = absl::StrJoin(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(name_parts), ":");
  return TypeId{KindOfName(name), parts[name_parts]};
}

absl::StatusOr<std::map<std::string, std::vector<std::string>>> TypeIdsByKind(const query::Querier& querier,
                                                                              store::TimeRange range) {
  auto kinds = querier.Kinds(range);
  if (!kinds.ok()) return kinds.status();
  std::map<std::string, std::vector<std::string>> ids;
  for (const query::KindFacts& kind : *kinds) {
    for (const auto& [type, unit] : kind.sample_types) {
      ids[kind.kind].push_back(absl::StrCat(NameOfKind(kind.kind), ":", type, ":", unit, ":", kind.period_type.first,
                                            ":", kind.period_type.second));
    }
  }
  return ids;
}

store::TimeRange RangeOfMs(int64_t start, int64_t end) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / kNsInMillisecond;
  if (start <= 0 && end <= 0) return {0, std::numeric_limits<int64_t>::max()};
  return {std::clamp<int64_t>(start, 0, kMost) * kNsInMillisecond,
          std::clamp<int64_t>(end, 0, kMost) * kNsInMillisecond};
}

absl::StatusOr<query::Selection> Selected(std::string matchers, std::string kind, store::TimeRange range) {
  static const re2::RE2 type_matcher(absl::StrCat(kProfileType, R"re(\s*=\s*"([^"]*)"\s*,?)re"));
  std::string id;
  if (re2::RE2::PartialMatch(matchers, type_matcher, &id)) {
    auto type = ParseTypeId(id);
    if (!type.ok()) return type.status();
    kind = type->kind;
    re2::RE2::Replace(&matchers, type_matcher, "");
    re2::RE2::Replace(&matchers, R"(,\s*\})", "}");
  }
  auto selector = profile::Selector::Parse(matchers);
  if (!selector.ok()) return selector.status();
  return query::Selection{std::move(kind), *std::move(selector), range};
}

absl::StatusOr<std::string> WithIds(const std::string& selector, const std::string& label, size_t digits,
                                    const std::vector<std::string>& ids) {
  if (ids.empty()) return selector;
  for (const std::string& id : ids) {
    if (!IsHex(id, digits)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", id, "' is no ", label, "; one has ", digits, " hexadecimal digits"));
    }
  }
  auto parsed = profile::Selector::Parse(selector);
  if (!parsed.ok()) return parsed.status();
  const std::string text = parsed->ToString();
  const std::string rest(profile::WithoutBraces(text));
  return absl::StrCat("{", label, "=~\"(?i:", absl::StrJoin(ids, "|"), ")\"", rest.empty() ? "" : ", ", rest, "}");
}

}  // namespace sonde::web
