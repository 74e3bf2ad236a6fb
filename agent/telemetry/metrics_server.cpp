#include "agent/telemetry/metrics_server.h"

#include <utility>

namespace sonde::telemetry {
namespace {

// As of now: nobody is to keep it.
http::Response TextAnswer(int status, std::string text) {
  http::Response response = http::TextResponse(status, std::move(text));
  response.headers["Cache-Control"] = "no-store";
  return response;
}

http::Response Metrics(std::string text) {
  http::Response response = TextAnswer(200, std::move(text));
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

http::Response Verdict(const std::string& why_not) {
  return why_not.empty() ? TextAnswer(200, "ok\n") : TextAnswer(503, why_not + "\n");
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address, Sources sources) {
  auto answer = [sources = std::move(sources)](const http::Request& request) {
    if (request.path == "/metrics") return Metrics(sources.metrics());
    if (request.path == "/livez") return Verdict(sources.not_live());
    if (request.path == "/readyz") return Verdict(sources.not_ready());
    return TextAnswer(404, "here are /metrics, /livez and /readyz\n");
  };
  auto server = http::HttpServer::Start(address, std::move(answer));
  if (!server.ok()) return server.status();
  auto metrics = std::unique_ptr<MetricsServer>(new MetricsServer);
  metrics->server_ = *std::move(server);
  return metrics;
}

}  // namespace sonde::telemetry
