#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace YAML {
class Node;
}

namespace sonde::control {

// A key that a map may have, and who reads its value: `text` one word, and says what is wrong with it; `node` anything
// else, with errors that name their place. One of the two.
struct YamlField {
  std::string key;
  std::function<absl::Status(const std::string& value)> text = nullptr;
  std::function<absl::Status(const YAML::Node& value)> node = nullptr;
};

// "FILE:LINE: text", kInvalidArgument. `at` stands in the file called `file`.
absl::Status ErrorAt(const std::string& file, const YAML::Node& at, const std::string& text);

// That `key` is unknown, which of `known` it looks like, and all of them.
absl::Status UnknownKeyAt(const std::string& file, const YAML::Node& at, const std::string& key,
                          const std::vector<std::string>& known);

// Reads `map`, which is called `path` in errors ("export.tls"): every key once, known and with a value.
absl::Status ReadFields(const std::string& file, const YAML::Node& map, const std::string& path,
                        const std::vector<YamlField>& fields);

}  // namespace sonde::control
