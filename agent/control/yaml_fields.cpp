#include "agent/control/yaml_fields.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/nearest_word.h"
#include "yaml-cpp/yaml.h"

namespace sonde::control {
namespace {

absl::Status ReadField(const std::string& file, const YAML::Node& value, const std::string& path,
                       const YamlField& field) {
  if (field.node) return field.node(value);
  if (!value.IsScalar()) return ErrorAt(file, value, absl::StrCat("'", path, "' must be one value, not a list or map"));
  const absl::Status read = field.text(value.Scalar());
  return read.ok() ? read : ErrorAt(file, value, absl::StrCat(path, ": ", std::string(read.message())));
}

std::vector<std::string> KeysOf(const std::vector<YamlField>& fields) {
  std::vector<std::string> keys;
  for (const YamlField& field : fields) keys.push_back(field.key);
  return keys;
}

}  // namespace

absl::Status ErrorAt(const std::string& file, const YAML::Node& at, const std::string& text) {
  return absl::InvalidArgumentError(absl::StrCat(file, ":", at.Mark().line + 1, ": ", text));
}

absl::Status UnknownKeyAt(const std::string& file, const YAML::Node& at, const std::string& key,
                          const std::vector<std::string>& known) {
  const std::string nearest = base::NearestWord(key, known);
  const std::string hint = nearest.empty() ? "" : absl::StrCat(" Did you mean '", nearest, "'?");
  return ErrorAt(file, at,
                 absl::StrCat("unknown key '", key.substr(0, 64), "'.", hint,
                              " Keys known here: ", absl::StrJoin(known, ", "), "."));
}

absl::Status ReadFields(const std::string& file, const YAML::Node& map, const std::string& path,
                        const std::vector<YamlField>& fields) {
  if (!map.IsMap()) return ErrorAt(file, map, absl::StrCat("'", path, "' must be a map of 'key: value' lines"));
  std::set<std::string> seen;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) return ErrorAt(file, entry.first, "a key must be one word");
    const std::string key = entry.first.Scalar();
    const std::string whole = absl::StrCat(path, ".", key);
    if (!seen.insert(key).second) return ErrorAt(file, entry.first, absl::StrCat("'", whole, "' is given twice"));
    const auto field = std::ranges::find(fields, key, &YamlField::key);
    if (field == fields.end()) return UnknownKeyAt(file, entry.first, key, KeysOf(fields));
    if (entry.second.IsNull()) {
      return ErrorAt(file, entry.first, absl::StrCat("'", whole, "' has no value: set one or remove the line"));
    }
    if (absl::Status read = ReadField(file, entry.second, whole, *field); !read.ok()) return read;
  }
  return absl::OkStatus();
}

}  // namespace sonde::control
