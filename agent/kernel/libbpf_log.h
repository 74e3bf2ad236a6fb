#pragma once

#include <string>

#include "absl/status/status.h"

namespace sonde::kernel {

// Takes libbpf's messages: its warnings are kept for LibbpfError(), nothing is printed by itself.
// Call once before any other libbpf call. Thread-safe afterwards.
void CaptureLibbpfLog();

// An error for a libbpf call that returned `error` (negative errno): what was tried, errno, and libbpf's last warnings
// (the verifier's last lines among them). Forgets those warnings.
// -EPERM and -EACCES give kPermissionDenied, the rest kUnimplemented: the kernel cannot do it.
absl::Status LibbpfError(const std::string& what, int error);

// Of such an error what was tried and errno, for people.
std::string FirstLine(const absl::Status& error);

}  // namespace sonde::kernel
