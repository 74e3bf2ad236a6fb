#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "agent/control/config.h"

namespace sonde::control {

// The dotted keys that take one value, in the order of the file.
const std::vector<std::string>& ValueKeys();

// Reads `value` into the setting `key`, one of ValueKeys() or "export" (HOST:PORT[,HOST:PORT...]). Errors say what is
// wrong with the value and what would be right, not where it came from.
absl::Status SetValue(const std::string& key, const std::string& value, Config* config);

// Whether `endpoint` is HOST:PORT with a port of 1 to 65535; IPv6 addresses in brackets.
absl::Status CheckEndpoint(const std::string& endpoint);

}  // namespace sonde::control
