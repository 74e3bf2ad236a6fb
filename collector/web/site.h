#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "collector/query/querier.h"
#include "collector/web/query_statistics.h"
#include "http/http.h"

namespace sonde::web {

// What the collector serves over HTTP: the API under /api/v1/, Pyroscope's for Grafana, merged profiles for `go tool
// pprof` under /pprof/, /metrics, /livez and /readyz, and the page. Thread-safe.
class Site {
 public:
  // `statistics` must outlive it; `metrics` gives what is under /metrics.
  Site(query::Querier querier, QueryStatistics* statistics, std::function<std::string()> metrics)
      : querier_(std::move(querier)), statistics_(statistics), metrics_(std::move(metrics)) {}

  http::Response Answer(const http::Request& request) const;

 private:
  http::Response Api(const http::Request& request) const;
  http::Response Pprof(const http::Request& request) const;
  http::Response Pyroscope(const http::Request& request) const;
  http::Response Ready() const;

  // Answers the question of that name, and notes how long that took.
  http::Response Timed(std::string_view question, const http::Request& request,
                       http::Response (Site::*answer)(const http::Request&) const) const;

  query::Querier querier_;
  QueryStatistics* statistics_;
  std::function<std::string()> metrics_;
};

}  // namespace sonde::web
