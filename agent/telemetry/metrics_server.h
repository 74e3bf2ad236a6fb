#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "http/http_server.h"

namespace sonde::telemetry {

// What machines ask of the agent over HTTP: /metrics in Prometheus's text format; /livez, whether its own threads come
// on, which no target and no load can make untrue; /readyz, whether it captures. Serves any host that may reach the
// address, and nothing but counters and the words of a status: what processes do is not told here.
class MetricsServer {
 public:
  // Called on the server's threads, maybe two at once.
  struct Sources {
    std::function<std::string()> metrics;
    std::function<std::string()> not_live;   // why not; empty: all is well
    std::function<std::string()> not_ready;  // the same
  };

  // Listens on `address` (HOST:PORT). kUnavailable when it cannot, with the reason.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& address, Sources sources);

  int Port() const { return server_->Port(); }
  // Returns when requests in progress are answered. Idempotent.
  void Stop() { server_->Stop(); }

 private:
  MetricsServer() = default;

  std::unique_ptr<http::HttpServer> server_;
};

}  // namespace sonde::telemetry
