#include "agent/control/config_file.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/control/config_keys.h"
#include "base/nearest_word.h"
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
  absl::Status ReadTarget(const YAML::Node& entry);
  absl::Status UnknownKey(const YAML::Node& at, const std::string& key, const std::vector<std::string>& known) const;
  absl::Status Error(const YAML::Node& at, const std::string& text) const;

  const std::string name_;
  Config* const config_;
};

// The words that may follow `prefix`: values, sections, and at the top "export".
std::vector<std::string> KnownWords(const std::string& prefix) {
  std::vector<std::string> words;
  for (const std::string& key : ValueKeys()) {
    if (!absl::StartsWith(key, prefix)) continue;
    const std::string word = key.substr(prefix.size(), key.find('.', prefix.size()) - prefix.size());
    if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
  }
  if (prefix.empty()) words.push_back("export");
  return words;
}

absl::Status Reader::Error(const YAML::Node& at, const std::string& text) const {
  return absl::InvalidArgumentError(absl::StrCat(name_, ":", at.Mark().line + 1, ": ", text));
}

absl::Status Reader::UnknownKey(const YAML::Node& at, const std::string& key,
                                const std::vector<std::string>& known) const {
  const std::string nearest = base::NearestWord(key, known);
  const std::string hint = nearest.empty() ? "" : absl::StrCat(" Did you mean '", nearest, "'?");
  return Error(at, absl::StrCat("unknown key '", key.substr(0, 64), "'.", hint,
                                " Keys known here: ", absl::StrJoin(known, ", "), "."));
}

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
    if (std::find(known.begin(), known.end(), word) == known.end()) return UnknownKey(entry.first, word, known);
    if (absl::Status read = ReadKey(prefix + word, entry.first, entry.second); !read.ok()) return read;
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadKey(const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
  if (value.IsNull()) return Error(key_node, absl::StrCat("'", key, "' has no value: set one or remove the line"));
  if (key == "export") return ReadTargets(value);
  const bool is_value = std::find(ValueKeys().begin(), ValueKeys().end(), key) != ValueKeys().end();
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
    if (absl::Status read = ReadTarget(entry); !read.ok()) return read;
  }
  return absl::OkStatus();
}

absl::Status Reader::ReadTarget(const YAML::Node& entry) {
  if (!entry.IsMap()) return Error(entry, "an entry of 'export' must be a map with 'type' and 'endpoint'");
  std::set<std::string> seen;
  ExportTargetConfig target;
  for (const auto& field : entry) {
    if (!field.first.IsScalar() || !field.second.IsScalar()) {
      return Error(field.first, "an entry of 'export' must have one value for each key");
    }
    const std::string key = field.first.Scalar();
    if (!seen.insert(key).second) return Error(field.first, absl::StrCat("'export.", key, "' is given twice"));
    if (key == "type") {
      target.type = field.second.Scalar();
      if (target.type != "pyroscope") return Error(field.second, "export.type: the only type is 'pyroscope'");
    } else if (key == "endpoint") {
      target.endpoint = field.second.Scalar();
      if (absl::Status checked = CheckEndpoint(target.endpoint); !checked.ok()) {
        return Error(field.second, absl::StrCat("export.endpoint: ", std::string(checked.message())));
      }
    } else {
      return UnknownKey(field.first, key, {"type", "endpoint"});
    }
  }
  if (!seen.contains("endpoint")) return Error(entry, "an entry of 'export' needs an 'endpoint' (HOST:PORT)");
  config_->targets.push_back(std::move(target));
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
