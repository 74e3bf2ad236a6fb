#pragma once

#include <string>

namespace sonde::symbolize {

// The build id of the running kernel ("") or of a loaded module, lower-case hex, by /sys/kernel/notes and
// /sys/module/NAME/notes; empty where there is none, as for BPF programs.
std::string KernelBuildId(const std::string& module);

}  // namespace sonde::symbolize
