#pragma once

#include <string>

#include "absl/status/status.h"
#include "agent/control/config.h"

namespace YAML {
class Node;
}

namespace sonde::control {

// Reads one entry of the list `export` of the file called `file` into `target`, which must be fresh. Looks at the files
// that it names, too: a target whose key cannot be read would be found out only when its first profile is due. Errors
// are kInvalidArgument: "FILE:LINE: what, and what would be right".
absl::Status ReadExportEntry(const std::string& file, const YAML::Node& entry, ExportTargetConfig* target);

// The entry as YAML that ReadExportEntry() reads back equal; a list item, indented by two.
std::string ExportEntryToYaml(const ExportTargetConfig& target);

}  // namespace sonde::control
