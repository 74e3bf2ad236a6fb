#include "agent/telemetry/metrics_server.h"

#include <utility>

namespace sonde::telemetry {

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address, Sources sources) {
  auto answer = [sources = std::move(sources)](const http::Request& request) {
    if (request.path == "/metrics") return http::MetricsResponse(sources.metrics());
    if (request.path == "/livez") return http::ProbeResponse(sources.not_live());
    if (request.path == "/readyz") return http::ProbeResponse(sources.not_ready());
    return http::TextResponse(404, "here are /metrics, /livez and /readyz\n");
  };
  auto server = http::HttpServer::Start(address, std::move(answer));
  if (!server.ok()) return server.status();
  auto metrics = std::unique_ptr<MetricsServer>(new MetricsServer);
  metrics->server_ = *std::move(server);
  return metrics;
}

}  // namespace sonde::telemetry
