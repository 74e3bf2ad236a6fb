#include "agent/control/config_file.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/control/config_keys.h"
#include "agent/control/export_entry.h"
#include "agent/control/label_lists.h"
#include "agent/control/relabel_list.h"
#include "agent/control/yaml_fields.h"
#include "agent/control/yaml_text.h"
#include "yaml-cpp/yaml.h"

namespace sonde::control {
namespace {

// Brackets and braces that may stand open at once: ours need three. Keeps yaml-cpp's recursion off a hostile file.
constexpr int kMaxFlowDepth = 32;

class Reader {
 public:
  Reader(std::string name, Config* config) : name_(std::move(name)), config_(config) {}

  // Reads the map `node`, whose keys stand under `prefix` ("" or "sources.").
  absl::Status ReadSection(const YAML::Node& node, const std::string& prefix);

 private:
  absl::Status ReadKey(const std::string& key, const YAML::Node& key_node, const YAML::Node& value);
  absl::Status ReadValue(const std::string& key, const YAML::Node& value);
  absl::Status ReadTargets(const YAML::Node& list);
  absl::Status Error(const YAML::Node& at, const std::string& text) const { return ErrorAt(name_, at, text); }

  const std::string name_;
  Config* const config_;
};

// The words that may follow `prefix`: values, sections and lists.
std::vector<std::string> KnownWords(const std::string& prefix) {
  std::vector<std::string> keys = ValueKeys();
  keys.insert(keys.end(), LabelListKeys().begin(), LabelListKeys().end());
  keys.insert(keys.end(), {"relabel", "export"});
  std::vector<std::string> words;
  for (const std::string& key : keys) {
    if (!absl::StartsWith(key, prefix)) continue;
    const std::string word = key.substr(prefix.size(), key.find('.', prefix.size()) - prefix.size());
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  return words;
}

bool IsLabelList(const std::string& key) { return std::ranges::find(LabelListKeys(), key) != LabelListKeys().end(); }

absl::Status Reader::ReadSection(const YAML::Node& node, const std::string& prefix) {
  if (!node.IsMap()) {
    const std::string what = prefix.empty() ? "the file" : absl::StrCat("'", prefix.substr(0, prefix.size() - 1), "'");
    return Error(node, absl::StrCat(what, " must be a map of 'key: value' lines"));
  }
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return Error(entry.first, "a key must be one word");
    const std::string word = entry.first.Scalar();
    if (!seen.insert(word).second) return Error(entry.first, absl::StrCat("'", prefix, word, "' is given twice"));
    const std::vector<std::string> known = KnownWords(prefix);
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      return UnknownKeyAt(name_, entry.first, word, known);
    }
    if (absl::Status read = ReadKey(prefix + word, entry.first, entry.second); !read.ok()) return read;
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadKey(const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
  if (value.IsNull()) return Error(key_node, absl::StrCat("'", key, "' has no value: set one or remove the line"));
  const bool is_value = std::find(ValueKeys().begin(), ValueKeys().end(), key) != ValueKeys().end();
  const bool is_list = key == "export" || key == "relabel" || IsLabelList(key);
  if (is_value || is_list) config_->origins.of[key] = absl::StrCat(name_, ":", key_node.Mark().line + 1);
  if (key == "export") return ReadTargets(value);
  if (key == "relabel") return ReadRelabelRules(name_, value, &config_->relabel);
  if (IsLabelList(key)) return ReadLabelList(name_, key, value, &config_->labels);
  return is_value ? ReadValue(key, value) : ReadSection(value, key + ".");
}

absl::Status Reader::ReadValue(const std::string& key, const YAML::Node& value) {
  if (!value.IsScalar()) return Error(value, absl::StrCat("'", key, "' must be one value, not a list or map"));
  const absl::Status set = SetValue(key, value.Scalar(), config_);
  return set.ok() ? set : Error(value, absl::StrCat(key, ": ", std::string(set.message())));
}

absl::Status Reader::ReadTargets(const YAML::Node& list) {
  if (!list.IsSequence()) {
    return Error(list, "'export' must be a list, like [{type: pyroscope, endpoint: \"127.0.0.1:7171\"}]");
  }
  config_->targets.clear();
  for (const auto& entry : list) {
    ExportTargetConfig target;
    if (absl::Status read = ReadExportEntry(name_, entry, &target); !read.ok()) return read;
    config_->targets.push_back(std::move(target));
  }
  return absl::OkStatus();
}

bool NestsTooDeep(const std::string& yaml) {
  int depth = 0;
  int deepest = 0;
  for (char c : yaml) {
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest > kMaxFlowDepth;
}

}  // namespace

absl::Status ReadConfigText(const std::string& yaml, const std::string& name, Config* config) {
  if (NestsTooDeep(yaml)) return absl::InvalidArgumentError(absl::StrCat(name, ": brackets nest too deep"));
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(yaml);
    if (documents.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": holds more than one document ('---'): keep one"));
    }
    if (documents.empty() || documents[0].IsNull()) return absl::OkStatus();
    return Reader(name, config).ReadSection(documents[0], "");
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":", error.mark.line + 1, ": not YAML: ", error.msg, ". Check indentation and quotes."));
  }
}

}  // namespace sonde::control
