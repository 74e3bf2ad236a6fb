#include "agent/control/label_lists.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/control/yaml_fields.h"
#include "agent/control/yaml_text.h"
#include "yaml-cpp/yaml.h"

namespace sonde::control {
namespace {

using model::LabelSettings;
using model::NameSource;
using model::ServiceRule;
using Names = std::vector<std::string>;

constexpr size_t kMaxEntries = 100;
constexpr char kServices[] = "labels.services", kServiceName[] = "labels.service_name",
               kEnvironment[] = "labels.environment", kPodLabels[] = "labels.pod_labels",
               kPodAnnotations[] = "labels.pod_annotations";

struct SourceWord {
  std::string_view prefix;
  NameSource::From from;
  Names LabelSettings::*list;  // of what is read for it
};
constexpr std::array kSourceWords = {
    SourceWord{"annotation:", NameSource::From::kAnnotation, &LabelSettings::pod_annotations},
    SourceWord{"label:", NameSource::From::kPodLabel, &LabelSettings::pod_labels},
    SourceWord{"environment:", NameSource::From::kEnvironment, &LabelSettings::environment}};

void AddOnce(const std::string& name, Names* names) {
  if (std::ranges::find(*names, name) == names->end()) names->push_back(name);
}

absl::Status ReadSource(const std::string& file, const YAML::Node& entry, LabelSettings* labels) {
  const std::string text = entry.IsScalar() ? entry.Scalar() : "";
  for (const SourceWord& word : kSourceWords) {
    const std::string name = text.starts_with(word.prefix) ? text.substr(word.prefix.size()) : "";
    if (name.empty()) continue;
    labels->service_name.push_back({word.from, name});
    AddOnce(name, &(labels->*word.list));
    return absl::OkStatus();
  }
  return ErrorAt(
      file, entry,
      absl::StrCat("labels.service_name: '", text, "' is not annotation:NAME, label:NAME or environment:NAME"));
}

absl::Status ReadName(const std::string& file, const std::string& key, const YAML::Node& entry, Names* names) {
  const bool is_name = entry.IsScalar() && !entry.Scalar().empty() && entry.Scalar().find('=') == std::string::npos;
  if (!is_name) return ErrorAt(file, entry, absl::StrCat(key, ": an entry must be one name"));
  AddOnce(entry.Scalar(), names);
  return absl::OkStatus();
}

std::string* WordOf(const std::string& key, ServiceRule* rule) {
  if (key == "executable") return &rule->executable;
  if (key == "unit") return &rule->unit;
  if (key == "container") return &rule->container;
  return key == "service_name" ? &rule->service_name : nullptr;
}

absl::Status ReadService(const std::string& file, const YAML::Node& entry, LabelSettings* labels) {
  if (!entry.IsMap())
    return ErrorAt(file, entry, "an entry of 'labels.services' must be a map, like {unit: a.service, service_name: b}");
  ServiceRule rule;
  for (const auto& field : entry) {
    if (!field.first.IsScalar() || !field.second.IsScalar())
      return ErrorAt(file, field.first, "an entry of 'labels.services' must have one value for each key");
    std::string* word = WordOf(field.first.Scalar(), &rule);
    if (word == nullptr)
      return UnknownKeyAt(file, field.first, field.first.Scalar(), {"executable", "unit", "container", "service_name"});
    if (!word->empty()) return ErrorAt(file, field.first, absl::StrCat("'", field.first.Scalar(), "' is given twice"));
    *word = field.second.Scalar();
  }
  const bool is_for_all = rule.executable.empty() && rule.unit.empty() && rule.container.empty();
  if (rule.service_name.empty() || is_for_all) {
    return ErrorAt(
        file, entry,
        "an entry of 'labels.services' needs a service_name, and an executable, a unit or a container to know it by");
  }
  labels->services.push_back(std::move(rule));
  return absl::OkStatus();
}

std::string SourceText(const NameSource& source) {
  const auto word = std::ranges::find(kSourceWords, source.from, &SourceWord::from);
  return std::string(word->prefix) + source.name;
}

std::string ServicesToYaml(const std::vector<ServiceRule>& services) {
  if (services.empty()) return " []\n";
  std::string yaml = "\n";
  for (const ServiceRule& rule : services) {
    absl::StrAppend(&yaml, "    - service_name: ", QuotedYaml(rule.service_name), "\n");
    const auto add = [&yaml](const char* key, const std::string& word) {
      if (!word.empty()) absl::StrAppend(&yaml, "      ", key, ": ", QuotedYaml(word), "\n");
    };
    add("executable", rule.executable);
    add("unit", rule.unit);
    add("container", rule.container);
  }
  return yaml;
}

}  // namespace

const std::vector<std::string>& LabelListKeys() {
  static const auto* const kKeys = new Names{kServices, kServiceName, kEnvironment, kPodLabels, kPodAnnotations};
  return *kKeys;
}

absl::Status ReadLabelList(const std::string& file, const std::string& key, const YAML::Node& list,
                           LabelSettings* labels) {
  if (!list.IsSequence()) return ErrorAt(file, list, absl::StrCat("'", key, "' must be a list"));
  if (list.size() > kMaxEntries)
    return ErrorAt(file, list, absl::StrCat("'", key, "' has more than ", kMaxEntries, " entries"));
  for (const auto& entry : list) {
    absl::Status read;
    if (key == kServices) read = ReadService(file, entry, labels);
    if (key == kServiceName) read = ReadSource(file, entry, labels);
    if (key == kEnvironment) read = ReadName(file, key, entry, &labels->environment);
    if (key == kPodLabels) read = ReadName(file, key, entry, &labels->pod_labels);
    if (key == kPodAnnotations) read = ReadName(file, key, entry, &labels->pod_annotations);
    if (!read.ok()) return read;
  }
  return absl::OkStatus();
}

std::string LabelListsToYaml(const LabelSettings& labels) {
  Names sources;
  for (const NameSource& source : labels.service_name) sources.push_back(SourceText(source));
  return absl::StrCat("  services:", ServicesToYaml(labels.services), "  service_name: ", QuotedYamlList(sources),
                      "\n  environment: ", QuotedYamlList(labels.environment),
                      "\n  pod_labels: ", QuotedYamlList(labels.pod_labels),
                      "\n  pod_annotations: ", QuotedYamlList(labels.pod_annotations), "\n");
}

}  // namespace sonde::control
