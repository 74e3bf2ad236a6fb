#include "profile/relabel_rule.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "profile/labels.h"
#include "profile/relabel_template.h"
#include "re2/re2.h"

namespace sonde::profile {
namespace {

using enum RelabelAction;

// By RelabelAction.
constexpr std::array<std::string_view, 11> kActionNames = {"replace",   "keep",      "drop",     "keepequal",
                                                           "dropequal", "hashmod",   "labelmap", "labeldrop",
                                                           "labelkeep", "lowercase", "uppercase"};
constexpr size_t kMaxRegexBytes = 4'096;

bool IsOneOf(RelabelAction action, std::initializer_list<RelabelAction> actions) {
  return std::ranges::find(actions, action) != actions.end();
}

// Prometheus's own test of a target with groups in it.
bool IsTargetTemplate(const std::string& text) {
  static const re2::RE2* const kTarget = new re2::RE2(R"((?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+)");
  return re2::RE2::FullMatch(text, *kTarget);
}

absl::Status Wrong(const char* field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

absl::Status CheckRegex(const std::string& regex) {
  if (regex.size() > kMaxRegexBytes) return Wrong("regex", "it is longer than 4096 bytes");
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(1 << 20);
  const re2::RE2 compiled(regex, options);
  if (compiled.ok()) return absl::OkStatus();
  return Wrong("regex", absl::StrCat("'", regex, "' is not a regular expression of RE2: ", compiled.error()));
}

absl::Status CheckTarget(const RelabelRule& rule) {
  const std::string& target = rule.target_label;
  const std::string action(RelabelActionName(rule.action));
  if (target.empty()) return Wrong("target_label", absl::StrCat("the action ", action, " needs one"));
  if (IsReservedLabel(target)) {
    return Wrong("target_label",
                 absl::StrCat("'", target, "' is a label of samples, not of series: take another name"));
  }
  const bool has_groups = rule.action == kReplace && HasGroups(target);
  if (has_groups ? IsTargetTemplate(target) : IsLabelName(target)) return absl::OkStatus();
  return Wrong("target_label", absl::StrCat("'", target, "' is not a name of letters, digits and '_'"));
}

absl::Status CheckNameRule(const RelabelRule& rule) {
  RelabelRule plain;
  plain.action = rule.action;
  plain.regex = rule.regex;
  if (rule == plain) return absl::OkStatus();
  return Wrong("action", absl::StrCat(std::string(RelabelActionName(rule.action)), " takes only a regex"));
}

absl::Status CheckEqualRule(const RelabelRule& rule) {
  RelabelRule plain;
  plain.action = rule.action;
  plain.source_labels = rule.source_labels;
  plain.target_label = rule.target_label;
  if (rule == plain) return absl::OkStatus();
  return Wrong("action", absl::StrCat(std::string(RelabelActionName(rule.action)),
                                      " takes only source_labels and a target_label"));
}

absl::Status CheckReplacement(const RelabelRule& rule) {
  if (rule.action == kLabelMap && !IsTargetTemplate(rule.replacement)) {
    return Wrong("replacement",
                 absl::StrCat("'", rule.replacement, "' does not make a name of letters, digits and '_'"));
  }
  if (IsOneOf(rule.action, {kLowercase, kUppercase}) && rule.replacement != RelabelRule().replacement) {
    return Wrong("replacement",
                 absl::StrCat("the action ", std::string(RelabelActionName(rule.action)), " takes none"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view RelabelActionName(RelabelAction action) { return kActionNames[static_cast<size_t>(action)]; }

std::optional<RelabelAction> ParseRelabelAction(std::string_view name) {
  const auto found = std::ranges::find(kActionNames, name);
  if (found == kActionNames.end()) return std::nullopt;
  return static_cast<RelabelAction>(found - kActionNames.begin());
}

std::string RelabelActionNames() {
  return absl::StrJoin(std::vector<std::string>(kActionNames.begin(), kActionNames.end()), ", ");
}

bool IsReservedLabel(std::string_view name) {
  constexpr std::array<std::string_view, 4> kReserved = {kProcess, kReason, kSyscall, "__name__"};
  return std::ranges::find(kReserved, name) != kReserved.end();
}

absl::Status CheckRelabelRule(const RelabelRule& rule) {
  if (absl::Status regex = CheckRegex(rule.regex); !regex.ok()) return regex;
  if (rule.action == kHashMod && rule.modulus == 0)
    return Wrong("modulus", "the action hashmod needs one of at least 1");
  if (IsOneOf(rule.action, {kReplace, kHashMod, kLowercase, kUppercase, kKeepEqual, kDropEqual})) {
    if (absl::Status target = CheckTarget(rule); !target.ok()) return target;
  }
  if (IsOneOf(rule.action, {kKeepEqual, kDropEqual})) return CheckEqualRule(rule);
  if (IsOneOf(rule.action, {kLabelDrop, kLabelKeep})) return CheckNameRule(rule);
  return CheckReplacement(rule);
}

}  // namespace sonde::profile
