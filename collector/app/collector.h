#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "absl/status/status.h"

namespace sonde::app {

struct Config {
  std::string grpc_listen = "127.0.0.1:7171";
  std::string http_listen = "127.0.0.1:7170";
  std::string store = "/var/lib/sonde/collector";
  size_t max_profile_bytes = size_t{16} << 20;
  std::chrono::seconds retention{0};  // 0 = keep everything
  size_t retention_bytes = 0;         // of the store; 0 = no limit
  std::string grpc_certificate{};     // files of gRPC's TLS; both or neither
  std::string grpc_key{};
  std::string token_file{};  // what agents must know; empty = nothing
  size_t sender_bytes_per_minute = 0;
};

// Blocks SIGTERM and SIGINT in this thread and those it starts, so that RunCollector() can wait for them.
// Call before any thread starts.
void BlockStopSignals();

// Opens the store, serves gRPC and HTTP, says "ready" in the log with both addresses, and returns OK after SIGTERM or
// SIGINT, when the requests in progress are answered and the store is closed. kInvalidArgument for a malformed
// address; otherwise an error says what could not be started, why, and what to do.
absl::Status RunCollector(const Config& config);

}  // namespace sonde::app
