#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace sonde::process {

// So much of a process's environment is looked at.
inline constexpr size_t kMaxEnvironmentBytes = 4'096;

// The values of the variables `wanted` in the text of /proc/PID/environ: the first of each name, as getenv() has it.
// What is cut off by the end of `text` is not taken. Total: any text gives an answer.
std::map<std::string, std::string> ParseEnvironment(std::string_view text, const std::vector<std::string>& wanted);

// The same of the process with the folder `folder` in /proc, read up to kMaxEnvironmentBytes: as it was when the
// program began, unless it overwrote that. Errors carry errno's code.
absl::StatusOr<std::map<std::string, std::string>> ReadEnvironment(int folder, const std::vector<std::string>& wanted);

}  // namespace sonde::process
