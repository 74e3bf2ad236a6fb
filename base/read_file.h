#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace sonde::base {

// Reads all of `path`, at most `max_bytes`: for /proc, /sys and our own files, whose size stat() does not tell.
// Errors carry the path and errno's code; a longer file is kResourceExhausted.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

// The same from an open descriptor, which stays the caller's. `name` is for the error text.
absl::StatusOr<std::string> ReadFd(int fd, const std::string& name, size_t max_bytes);

}  // namespace sonde::base
