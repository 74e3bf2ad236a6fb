#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace sonde::http {

struct Listener {
  base::UniqueFd socket;
  int port = 0;
  bool is_loopback = false;
};

// kInvalidArgument unless `address` is written HOST:PORT or [IPv6]:PORT. Port 0 = any.
absl::Status CheckAddress(const std::string& address);

// Opens a listening TCP socket on `address`. Errors as CheckAddress(); kUnavailable when it cannot be bound.
absl::StatusOr<Listener> Listen(const std::string& address);

// Whether `host`, the value of a Host header, names this machine's loopback with `port`.
bool IsLoopbackHost(const std::string& host, int port);

}  // namespace sonde::http
