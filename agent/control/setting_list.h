#pragma once

#include <string>
#include <vector>

#include "agent/control/config.h"

namespace sonde::control {

struct Setting {
  std::string key;     // "sources.cpu.rate", "export[0].endpoint"
  std::string value;   // as a file has it; of headers, which may be secrets, not
  std::string origin;  // as of Origins, or "default"
};

// Every setting, in the order of ToYaml().
std::vector<Setting> ListSettings(const Config& config);

}  // namespace sonde::control
