#pragma once

#include <string>

#include "absl/status/status.h"
#include "agent/control/config.h"

namespace sonde::control {

// Reads the YAML text `yaml` of the file called `name` into `config`, which keeps what the file does not set. Errors
// are kInvalidArgument: "NAME:LINE: what, and what would be right".
absl::Status ReadConfigText(const std::string& yaml, const std::string& name, Config* config);

}  // namespace sonde::control
