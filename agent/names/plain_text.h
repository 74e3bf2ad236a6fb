#pragma once

#include <string>

namespace sonde::names {

// `text` with '?' in place of each control character, which could make a terminal or a reader of lines do something.
std::string WithoutControls(const std::string& text);

// Lower-case hexadecimal, of no more digits than a build id has; or empty.
bool IsBuildId(const std::string& text);

}  // namespace sonde::names
