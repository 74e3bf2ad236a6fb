#pragma once

#include "absl/status/status.h"

namespace sonde::kernel {

// Whether this process may make a BPF ring buffer, which is given back at once. kPermissionDenied says what may stand
// in the way; kUnimplemented: the kernel has none.
absl::Status TryBpf();

}  // namespace sonde::kernel
