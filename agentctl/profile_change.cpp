#include "agentctl/profile_change.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "profile/frame_table.h"
#include "profile/top.h"

namespace sonde::agentctl {
namespace {

using profile::Pprof;

double TotalOf(const Pprof& profile) {
  double total = 0;
  const int index = profile::ValueIndex(profile, -1);
  for (const auto& sample : profile.sample()) total += static_cast<double>(sample.value(index));
  return total;
}

absl::StatusOr<double> ScaleOf(const Pprof& before, const Pprof& after, Scaling scaling) {
  if (scaling == Scaling::kNone) return 1;
  const bool by_time = scaling == Scaling::kTime;
  const double from = by_time ? static_cast<double>(before.duration_nanos()) : TotalOf(before);
  const double to = by_time ? static_cast<double>(after.duration_nanos()) : TotalOf(after);
  if (from > 0 && to > 0) return to / from;
  return absl::InvalidArgumentError(by_time ? "a profile does not tell how long it lasted: use --scale total or none"
                                            : "a profile is empty: it cannot be scaled to the total of the other");
}

std::vector<FunctionChange> ChangesOf(const Pprof& before, const Pprof& after, double scale) {
  constexpr size_t kAll = std::numeric_limits<size_t>::max();
  std::map<std::pair<std::string, std::string>, FunctionChange> changes;
  for (const profile::FunctionValue& value : profile::TopFunctions(before, -1, kAll)) {
    FunctionChange& change = changes[{value.function, value.file}];
    change.self_before = scale * static_cast<double>(value.self);
    change.total_before = scale * static_cast<double>(value.total);
  }
  for (const profile::FunctionValue& value : profile::TopFunctions(after, -1, kAll)) {
    FunctionChange& change = changes[{value.function, value.file}];
    change.self_after = static_cast<double>(value.self);
    change.total_after = static_cast<double>(value.total);
  }
  std::vector<FunctionChange> list;
  for (auto& [key, change] : changes) {
    std::tie(change.function, change.file) = key;
    list.push_back(std::move(change));
  }
  std::ranges::stable_sort(list, [](const FunctionChange& a, const FunctionChange& b) {
    const double self_a = std::abs(a.self_after - a.self_before), self_b = std::abs(b.self_after - b.self_before);
    if (self_a != self_b) return self_a > self_b;
    return std::abs(a.total_after - a.total_before) > std::abs(b.total_after - b.total_before);
  });
  return list;
}

bool HasFunction(const ProfileChange& change, const std::string& name) {
  return std::ranges::any_of(change.functions,
                             [&](const FunctionChange& function) { return function.function == name; });
}

}  // namespace

absl::StatusOr<ProfileChange> Compare(const Pprof& before, const Pprof& after, Scaling scaling) {
  const profile::SampleType value = profile::TypeOfValue(after, -1), other = profile::TypeOfValue(before, -1);
  if (value.type != other.type || value.unit != other.unit) {
    return absl::InvalidArgumentError(absl::StrCat("they are not of one kind: the first has ", std::string(other.type),
                                                   " in ", std::string(other.unit), ", the second ",
                                                   std::string(value.type), " in ", std::string(value.unit)));
  }
  const absl::StatusOr<double> scale = ScaleOf(before, after, scaling);
  if (!scale.ok()) return scale.status();
  return ProfileChange{.value = std::string(value.type),
                       .unit = std::string(value.unit),
                       .scale = *scale,
                       .before = *scale * TotalOf(before),
                       .after = TotalOf(after),
                       .functions = ChangesOf(before, after, *scale)};
}

double PercentUp(const ProfileChange& change, const std::string& function) {
  double up = change.after - change.before;
  if (!function.empty()) {
    up = 0;
    for (const FunctionChange& one : change.functions) {
      if (one.function == function) up += one.total_after - one.total_before;
    }
  }
  if (up == 0) return 0;
  return change.before > 0 ? 100 * up / change.before : std::copysign(std::numeric_limits<double>::infinity(), up);
}

absl::StatusOr<Limit> ParseLimit(const std::string& text, const ProfileChange& change) {
  const size_t sign = text.rfind('>');
  const bool has_sign = sign != std::string::npos;
  std::string name = text.substr(0, has_sign ? sign : 0), number = has_sign ? text.substr(sign + 1) : "";
  absl::StripAsciiWhitespace(&name);
  absl::StripAsciiWhitespace(&number);
  Limit limit{.text = text, .function = name == change.value ? "" : name};
  const bool is_percent = number.ends_with('%');
  if (is_percent) number.pop_back();
  if (!is_percent || name.empty() || !absl::SimpleAtod(number, &limit.percent) || !std::isfinite(limit.percent)) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is no limit: write '", change.value,
                                                   " > 5%', or the name of a function instead of ", change.value));
  }
  if (!limit.function.empty() && !HasFunction(change, limit.function)) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' names '", limit.function,
                                                   "', which is neither the profiles' value (", change.value,
                                                   ") nor a function in one of them"));
  }
  return limit;
}

}  // namespace sonde::agentctl
