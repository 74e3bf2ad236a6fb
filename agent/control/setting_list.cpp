#include "agent/control/setting_list.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "yaml-cpp/yaml.h"

namespace sonde::control {
namespace {

// Of the key itself, or of the list or map that it is in.
std::string OriginOf(std::string key, const Origins& origins) {
  while (!key.empty()) {
    if (const auto found = origins.of.find(key); found != origins.of.end()) return found->second;
    const size_t end = key.find_last_of(".[");
    key.resize(end == std::string::npos ? 0 : end);
  }
  return "default";
}

bool IsOfScalars(const YAML::Node& list) {
  return std::all_of(list.begin(), list.end(), [](const YAML::Node& one) { return one.IsScalar(); });
}

std::string InBrackets(const YAML::Node& list) {
  std::vector<std::string> words;
  for (const YAML::Node& one : list) words.push_back(one.Scalar());
  return absl::StrCat("[", absl::StrJoin(words, ", "), "]");
}

class Lister {
 public:
  explicit Lister(const Origins& origins) : origins_(origins) {}

  void List(const std::string& key, const YAML::Node& node) {
    if (node.IsMap() && node.size() > 0) {
      for (const auto& entry : node)
        List(absl::StrCat(key, key.empty() ? "" : ".", entry.first.Scalar()), entry.second);
    } else if (node.IsSequence() && !IsOfScalars(node)) {
      for (size_t i = 0; i < node.size(); ++i) List(absl::StrCat(key, "[", i, "]"), node[i]);
    } else {
      Add(key, node.IsSequence() ? InBrackets(node) : node.IsScalar() ? node.Scalar() : "{}");
    }
  }

  std::vector<Setting> Take() && { return std::move(settings_); }

 private:
  void Add(const std::string& key, std::string value) {
    const bool may_be_secret = absl::StrContains(key, ".headers.");
    settings_.push_back({key, may_be_secret ? "(not shown)" : std::move(value), OriginOf(key, origins_)});
  }

  const Origins& origins_;
  std::vector<Setting> settings_;
};

}  // namespace

std::vector<Setting> ListSettings(const Config& config) {
  Lister lister(config.origins);
  lister.List("", YAML::Load(ToYaml(config)));
  return std::move(lister).Take();
}

}  // namespace sonde::control
