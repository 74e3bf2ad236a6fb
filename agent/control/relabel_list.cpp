#include "agent/control/relabel_list.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/control/yaml_fields.h"
#include "agent/control/yaml_text.h"
#include "profile/labels.h"
#include "yaml-cpp/yaml.h"

namespace sonde::control {
namespace {

using profile::RelabelRule;

constexpr size_t kMaxRules = 100;
const std::vector<std::string>& RuleKeys() {
  static const auto* const kKeys = new std::vector<std::string>{"action",  "source_labels", "separator",  "regex",
                                                                "modulus", "target_label",  "replacement"};
  return *kKeys;
}

absl::Status ReadSourceLabels(const std::string& file, const YAML::Node& list, RelabelRule* rule) {
  if (!list.IsSequence())
    return ErrorAt(file, list, "relabel.source_labels must be a list of label names, like [service_name, unit]");
  for (const auto& name : list) {
    if (!name.IsScalar() || !profile::IsLabelName(name.Scalar())) {
      return ErrorAt(file, name, "relabel.source_labels: a name must be of letters, digits and '_'");
    }
    rule->source_labels.push_back(name.Scalar());
  }
  return absl::OkStatus();
}

absl::Status ReadAction(const std::string& file, const YAML::Node& value, RelabelRule* rule) {
  const auto action = profile::ParseRelabelAction(value.Scalar());
  if (!action)
    return ErrorAt(
        file, value,
        absl::StrCat("relabel.action: '", value.Scalar(), "' is not one of ", profile::RelabelActionNames()));
  rule->action = *action;
  return absl::OkStatus();
}

absl::Status ReadModulus(const std::string& file, const YAML::Node& value, RelabelRule* rule) {
  if (absl::SimpleAtoi(value.Scalar(), &rule->modulus) && rule->modulus > 0) return absl::OkStatus();
  return ErrorAt(file, value, absl::StrCat("relabel.modulus: '", value.Scalar(), "' is not a number of at least 1"));
}

// Of a key that takes a text.
std::string* TextOf(const std::string& key, RelabelRule* rule) {
  if (key == "separator") return &rule->separator;
  if (key == "regex") return &rule->regex;
  return key == "target_label" ? &rule->target_label : &rule->replacement;
}

absl::Status ReadField(const std::string& file, const std::string& key, const YAML::Node& value, RelabelRule* rule) {
  if (key == "source_labels") return ReadSourceLabels(file, value, rule);
  if (!value.IsScalar()) return ErrorAt(file, value, absl::StrCat("relabel.", key, " must have one value"));
  if (key == "action") return ReadAction(file, value, rule);
  if (key == "modulus") return ReadModulus(file, value, rule);
  *TextOf(key, rule) = value.Scalar();
  return absl::OkStatus();
}

// What is wrong with a rule as a whole, at the line of the field that it is about.
absl::Status Check(const std::string& file, const YAML::Node& entry, const RelabelRule& rule) {
  const absl::Status checked = profile::CheckRelabelRule(rule);
  if (checked.ok()) return checked;
  const std::string text(checked.message());
  const YAML::Node field = entry[text.substr(0, text.find(':'))];
  return ErrorAt(file, field ? field : entry, "relabel." + text);
}

absl::Status ReadRule(const std::string& file, const YAML::Node& entry, RelabelRule* rule) {
  if (!entry.IsMap())
    return ErrorAt(file, entry,
                   "an entry of 'relabel' must be a map, like {source_labels: [unit], regex: x, action: drop}");
  std::set<std::string> seen;
  for (const auto& field : entry) {
    if (!field.first.IsScalar()) return ErrorAt(file, field.first, "a key must be one word");
    const std::string key = field.first.Scalar();
    if (!seen.insert(key).second) return ErrorAt(file, field.first, absl::StrCat("'relabel.", key, "' is given twice"));
    if (std::ranges::find(RuleKeys(), key) == RuleKeys().end()) return UnknownKeyAt(file, field.first, key, RuleKeys());
    if (absl::Status read = ReadField(file, key, field.second, rule); !read.ok()) return read;
  }
  return Check(file, entry, *rule);
}

}  // namespace

absl::Status ReadRelabelRules(const std::string& file, const YAML::Node& list, std::vector<RelabelRule>* rules) {
  if (!list.IsSequence())
    return ErrorAt(file, list, "'relabel' must be a list of rules, as Prometheus's relabel_configs");
  if (list.size() > kMaxRules)
    return ErrorAt(file, list, absl::StrCat("'relabel' has more than ", kMaxRules, " rules"));
  rules->clear();
  for (const auto& entry : list) {
    RelabelRule rule;
    if (absl::Status read = ReadRule(file, entry, &rule); !read.ok()) return read;
    rules->push_back(std::move(rule));
  }
  return absl::OkStatus();
}

std::string RelabelToYaml(const std::vector<RelabelRule>& rules) {
  if (rules.empty()) return "relabel: []\n";
  const RelabelRule plain;
  std::string yaml = "relabel:\n";
  for (const RelabelRule& rule : rules) {
    absl::StrAppend(&yaml, "  - action: ", std::string(profile::RelabelActionName(rule.action)), "\n");
    const auto add = [&yaml](const char* key, const std::string& text) {
      absl::StrAppend(&yaml, "    ", key, ": ", text, "\n");
    };
    if (!rule.source_labels.empty()) add("source_labels", QuotedYamlList(rule.source_labels));
    if (rule.separator != plain.separator) add("separator", QuotedYaml(rule.separator));
    if (rule.regex != plain.regex) add("regex", QuotedYaml(rule.regex));
    if (rule.modulus != 0) add("modulus", absl::StrCat(rule.modulus));
    if (!rule.target_label.empty()) add("target_label", QuotedYaml(rule.target_label));
    if (rule.replacement != plain.replacement) add("replacement", QuotedYaml(rule.replacement));
  }
  return yaml;
}

}  // namespace sonde::control
