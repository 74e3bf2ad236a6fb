#pragma once

#include <string>
#include <vector>

namespace sonde::control {

// `text` in double quotes, so that no text is read back as something else.
std::string QuotedYaml(const std::string& text);

// "[...]" of such.
std::string QuotedYamlList(const std::vector<std::string>& texts);

}  // namespace sonde::control
