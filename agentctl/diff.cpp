#include "agentctl/diff.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agentctl/profile_change.h"
#include "agentctl/profile_input.h"
#include "agentctl/report_error.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "nlohmann/json.hpp"
#include "profile/labels.h"

namespace sonde::agentctl {
namespace {

constexpr double kMostShown = 1e18;  // what an int64 holds

std::string Amount(const ProfileChange& change, double value) {
  const double shown = std::round(std::clamp(std::abs(value), 0.0, kMostShown));
  if (change.unit == "nanoseconds") return HumanDuration(static_cast<int64_t>(shown));
  if (change.unit == "bytes") return HumanBytes(static_cast<uint64_t>(shown));
  return HumanCount(static_cast<uint64_t>(shown));
}

std::string Signed(const ProfileChange& change, double before, double after) {
  if (std::round(after) == std::round(before)) return "=";
  return absl::StrCat(after > before ? "+" : "-", Amount(change, after - before));
}

std::string SignedPercent(double percent) {
  if (std::isinf(percent)) return percent > 0 ? "from nothing" : "";
  return absl::StrFormat("%+.1f%%", percent);
}

std::string Heading(const ProfileChange& change) {
  const double percent = PercentUp(change, "");
  const std::string scaled =
      change.scale == 1 ? "" : absl::StrFormat(" (the first profile is scaled by %.3g)", change.scale);
  return absl::StrCat(change.value, ": ", Amount(change, change.before), " before, ", Amount(change, change.after),
                      " after, ", Signed(change, change.before, change.after),
                      percent == 0 ? "" : absl::StrCat(", ", SignedPercent(percent)), scaled, "\n");
}

std::vector<std::string> Cells(const ProfileChange& change, const FunctionChange& function) {
  return {Signed(change, function.self_before, function.self_after),
          Amount(change, function.self_before),
          Amount(change, function.self_after),
          Signed(change, function.total_before, function.total_after),
          Amount(change, function.total_before),
          Amount(change, function.total_after),
          Printable(function.function),
          Printable(function.file, kFileColumns)};
}

const std::vector<Table::Column>& Columns() {
  constexpr auto kRight = Table::Align::kRight;
  static const std::vector<Table::Column> columns = {
      {"SELF", kRight},   {"BEFORE", kRight}, {"AFTER", kRight}, {"TOTAL", kRight},
      {"BEFORE", kRight}, {"AFTER", kRight},  {"FUNCTION"},      {"FILE"}};
  return columns;
}

std::string TextOf(const ProfileChange& change, size_t limit) {
  Table table(Columns());
  for (size_t i = 0; i < std::min(limit, change.functions.size()); ++i)
    table.AddRow(Cells(change, change.functions[i]));
  return Heading(change) + table.Shown();
}

std::string JsonOf(const ProfileChange& change, size_t limit) {
  nlohmann::ordered_json functions = nlohmann::ordered_json::array();
  for (size_t i = 0; i < std::min(limit, change.functions.size()); ++i) {
    const FunctionChange& f = change.functions[i];
    functions.push_back({{"function", f.function},
                         {"file", f.file},
                         {"self_before", f.self_before},
                         {"self_after", f.self_after},
                         {"total_before", f.total_before},
                         {"total_after", f.total_after}});
  }
  const nlohmann::ordered_json all = {{"value", change.value}, {"unit", change.unit},
                                      {"scale", change.scale}, {"before", change.before},
                                      {"after", change.after}, {"functions", std::move(functions)}};
  return all.dump(2) + "\n";
}

Scaling ScalingOf(const std::string& word) {
  if (word == "total") return Scaling::kTotal;
  return word == "none" ? Scaling::kNone : Scaling::kTime;
}

absl::StatusOr<ProfileChange> ChangeFor(const DiffOptions& options) {
  if (options.before == "-" && options.after == "-") {
    return absl::InvalidArgumentError("only one of the two profiles can come from standard input");
  }
  const absl::StatusOr<profile::Pprof> before = ReadProfile(options.before, options.query);
  if (!before.ok()) return before.status();
  const absl::StatusOr<profile::Pprof> after = ReadProfile(options.after, options.query);
  if (!after.ok()) return after.status();
  return Compare(*before, *after, ScalingOf(options.scale));
}

// Says which limits are passed; whether there are any.
absl::StatusOr<bool> IsOverALimit(const ProfileChange& change, const std::vector<std::string>& texts) {
  std::vector<Limit> limits;
  for (const std::string& text : texts) {
    absl::StatusOr<Limit> limit = ParseLimit(text, change);
    if (!limit.ok())
      return absl::InvalidArgumentError(absl::StrCat("--fail-if: ", std::string(limit.status().message())));
    limits.push_back(*std::move(limit));
  }
  bool is_over = false;
  for (const Limit& limit : limits) {
    const double percent = PercentUp(change, limit.function);
    if (!(percent > limit.percent)) continue;
    is_over = true;
    std::fprintf(stderr, "agentctl: over the limit: %s, and it is %s\n", Printable(limit.text).c_str(),
                 SignedPercent(percent).c_str());
  }
  return is_over;
}

}  // namespace

int RunDiff(const DiffOptions& options) {
  const absl::StatusOr<ProfileChange> change = ChangeFor(options);
  if (!change.ok()) return ReportError(change.status());
  const absl::StatusOr<bool> is_over = IsOverALimit(*change, options.fail_if);
  if (!is_over.ok()) return ReportError(is_over.status());
  const std::string text = options.json ? JsonOf(*change, options.limit) : TextOf(*change, options.limit);
  std::fputs(text.c_str(), stdout);
  return *is_over ? kFailed : kOk;
}

}  // namespace sonde::agentctl
