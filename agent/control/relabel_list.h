#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "profile/relabel_rule.h"

namespace YAML {
class Node;
}

namespace sonde::control {

// Reads the list under "relabel", with Prometheus's keys and defaults; at most 100 rules. Errors as of
// ReadConfigText().
absl::Status ReadRelabelRules(const std::string& file, const YAML::Node& list,
                              std::vector<profile::RelabelRule>* rules);

// The list as YAML that reads back equal.
std::string RelabelToYaml(const std::vector<profile::RelabelRule>& rules);

}  // namespace sonde::control
