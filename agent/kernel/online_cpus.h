#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace sonde::kernel {

// The CPUs of a list as the kernel writes them, e.g. "0-3,6". kInvalidArgument for anything else.
absl::StatusOr<std::vector<int>> ParseCpuList(const std::string& text);

// CPUs that are online now; changes with hot-plug.
absl::StatusOr<std::vector<int>> OnlineCpus();

}  // namespace sonde::kernel
