#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/export/debuginfo_source.h"

namespace sonde::exporting {

// Bytes on their way to a URL, as object stores take them: their length is said before, and no redirection followed.
struct HttpPut {
  std::string url;  // https; or http to this host itself
  const DebuginfoBytes* bytes = nullptr;
  int64_t bytes_per_second = 0;
  absl::Duration timeout = absl::Minutes(14);
};

// Puts all of the bytes; `is_stopped` is asked about once a second and ends it. Takes the proxy that the environment
// names, unless the URL is of this host. Thread-safe.
// kInvalidArgument: not a URL for us, bytes that cannot be read, or an answer of 4xx; kCancelled; kUnavailable:
// anything else, with what was wrong.
absl::Status PutBytes(const HttpPut& put, const std::function<bool()>& is_stopped);

}  // namespace sonde::exporting
