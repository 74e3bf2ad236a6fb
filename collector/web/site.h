#pragma once

#include "collector/query/querier.h"
#include "http/http.h"

namespace sonde::web {

// What the collector serves over HTTP: the API under /api/v1/, merged profiles for `go tool pprof` under /pprof/,
// /livez and /readyz, and the page. Thread-safe.
class Site {
 public:
  explicit Site(query::Querier querier) : querier_(std::move(querier)) {}

  http::Response Answer(const http::Request& request) const;

 private:
  absl::StatusOr<std::string> Series(const http::Request& request) const;
  absl::StatusOr<std::string> Flamegraph(const http::Request& request) const;
  absl::StatusOr<std::string> Overview(const http::Request& request) const;
  absl::StatusOr<std::string> Top(const http::Request& request) const;
  http::Response Api(const http::Request& request) const;
  http::Response Pprof(const http::Request& request) const;
  http::Response Ready() const;

  query::Querier querier_;
};

}  // namespace sonde::web
