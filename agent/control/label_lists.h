#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/control/config.h"

namespace YAML {
class Node;
}

namespace sonde::control {

// The dotted keys below "labels" that take a list.
const std::vector<std::string>& LabelListKeys();

// Reads the list under one of them. Errors as of ReadConfigText().
absl::Status ReadLabelList(const std::string& file, const std::string& key, const YAML::Node& list,
                           model::LabelSettings* labels);

// The lists as YAML within "labels", which reads back equal.
std::string LabelListsToYaml(const model::LabelSettings& labels);

}  // namespace sonde::control
