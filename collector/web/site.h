#pragma once

#include "collector/query/querier.h"
#include "collector/web/http.h"

namespace sonde::web {

// What the collector serves over HTTP: the API under /api/v1/, merged profiles for `go tool pprof` under /pprof/,
// /livez and /readyz, and the page. Thread-safe.
class Site {
 public:
  explicit Site(query::Querier querier) : querier_(std::move(querier)) {}

  Response Answer(const Request& request) const;

 private:
  absl::StatusOr<std::string> Series(const Request& request) const;
  absl::StatusOr<std::string> Flamegraph(const Request& request) const;
  absl::StatusOr<std::string> Overview(const Request& request) const;
  absl::StatusOr<std::string> Top(const Request& request) const;
  Response Api(const Request& request) const;
  Response Pprof(const Request& request) const;
  Response Ready() const;

  query::Querier querier_;
};

}  // namespace sonde::web
