#include "collector/web/site.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "collector/web/answers.h"
#include "collector/web/page_files.h"
#include "collector/web/parameters.h"
#include "profile/kind.h"
#include "profile/pprof_file.h"
#include "spdlog/spdlog.h"

namespace sonde::web {
namespace {

constexpr std::string_view kApi = "/api/v1/";
constexpr std::string_view kPprof = "/pprof/";
constexpr int64_t kDefaultNodes = 10'000;
constexpr int64_t kMaxNodes = 200'000;
constexpr int64_t kDefaultFunctions = 100;
constexpr int64_t kMaxFunctions = 10'000;

int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kResourceExhausted:
      return 413;
    case absl::StatusCode::kUnavailable:
      return 503;
    default:
      return 500;
  }
}

// The reason for the client; what is our fault goes to the log too.
std::string ReasonOf(const absl::Status& status) {
  std::string reason(status.message().data(), status.message().size());
  if (HttpStatus(status.code()) >= 500) spdlog::error("msg=\"a query failed\" reason=\"{}\"", reason);
  return reason;
}

http::Response Text(int status, const std::string& text) { return http::TextResponse(status, text + "\n"); }

http::Response Json(int status, std::string json) {
  return {.status = status,
          .content_type = "application/json",
          .headers = {{"Cache-Control", "no-store"}},
          .body = std::move(json),
          .static_body = {}};
}

// As Go's own /debug/pprof/ answers errors.
http::Response PprofError(const absl::Status& status) {
  http::Response response = Text(HttpStatus(status.code()), ReasonOf(status));
  response.headers.emplace("X-Go-Pprof", "1");
  return response;
}

// The kinds of other clients are any text, and no part of a header.
std::string Disposition(const std::string& kind) {
  return absl::StrCat("attachment; filename=\"", profile::ParseKind(kind).has_value() ? kind : "profile", ".pb.gz\"");
}

// The parameter 'kind', which must be there.
absl::StatusOr<std::string> KindOf(const http::Request& request) {
  std::string kind = TextParameter(request, "kind");
  if (kind.empty()) return absl::InvalidArgumentError(absl::StrCat("parameter 'kind' is missing; such as kind=", std::string(profile::KindNames())));
  return kind;
}

absl::StatusOr<query::Selection> SelectionWithKind(const http::Request& request) {
  auto kind = KindOf(request);
  if (!kind.ok()) return kind.status();
  return SelectionOf(request, *std::move(kind), base::WallNs());
}

}  // namespace

absl::StatusOr<std::string> Site::Series(const http::Request& request) const {
  if (auto status = CheckParameters(request, {"kind", "query", "from", "to"}); !status.ok()) return status;
  auto selection = SelectionOf(request, TextParameter(request, "kind"), base::WallNs());
  if (!selection.ok()) return selection.status();
  auto series = querier_.ListSeries(*selection);
  if (!series.ok()) return series.status();
  return SeriesJson(*series);
}

absl::StatusOr<std::string> Site::Flamegraph(const http::Request& request) const {
  auto status = CheckParameters(request, {"kind", "query", "from", "to", "max_nodes", "root"});
  if (!status.ok()) return status;
  auto selection = SelectionWithKind(request);
  if (!selection.ok()) return selection.status();
  auto max_nodes = NumberParameter(request, "max_nodes", kDefaultNodes, 1, kMaxNodes);
  if (!max_nodes.ok()) return max_nodes.status();
  std::string root = TextParameter(request, "root");
  auto merged = querier_.Merge(*selection, root);
  if (!merged.ok()) return merged.status();
  return FlameJson(selection->kind, *merged, profile::LayOut(merged->pprof, -1, static_cast<size_t>(*max_nodes), root));
}

absl::StatusOr<std::string> Site::Overview(const http::Request& request) const {
  if (auto status = CheckParameters(request, {"query", "from", "to"}); !status.ok()) return status;
  auto selection = SelectionOf(request, "", base::WallNs());
  if (!selection.ok()) return selection.status();
  auto overview = querier_.SumByService(*selection);
  if (!overview.ok()) return overview.status();
  return OverviewJson(*overview);
}

absl::StatusOr<std::string> Site::Top(const http::Request& request) const {
  if (auto status = CheckParameters(request, {"kind", "query", "from", "to", "limit"}); !status.ok()) return status;
  auto selection = SelectionWithKind(request);
  if (!selection.ok()) return selection.status();
  auto limit = NumberParameter(request, "limit", kDefaultFunctions, 1, kMaxFunctions);
  if (!limit.ok()) return limit.status();
  auto merged = querier_.Merge(*selection, "");
  if (!merged.ok()) return merged.status();
  return TopJson(selection->kind, *merged, profile::TopFunctions(merged->pprof, -1, static_cast<size_t>(*limit)));
}

http::Response Site::Api(const http::Request& request) const {
  constexpr std::pair<std::string_view, absl::StatusOr<std::string> (Site::*)(const http::Request&) const> kRoutes[] = {
      {"series", &Site::Series}, {"flamegraph", &Site::Flamegraph}, {"overview", &Site::Overview}, {"top", &Site::Top}};
  for (const auto& [name, answer] : kRoutes) {
    if (request.path.substr(kApi.size()) != name) continue;
    auto json = (this->*answer)(request);
    if (json.ok()) return Json(200, *std::move(json));
    return Json(HttpStatus(json.status().code()), ErrorJson(ReasonOf(json.status())));
  }
  return Json(404, ErrorJson("there is no such question; known are: series, flamegraph, overview, top"));
}

http::Response Site::Pprof(const http::Request& request) const {
  if (auto status = CheckParameters(request, {"seconds", "query", "from", "to"}); !status.ok()) {
    return PprofError(status);
  }
  auto selection = SelectionOf(request, request.path.substr(kPprof.size()), base::WallNs());
  if (!selection.ok()) return PprofError(selection.status());
  auto merged = querier_.Merge(*selection);
  if (!merged.ok()) return PprofError(merged.status());
  return {.status = 200,
          .content_type = "application/octet-stream",
          .headers = {{"Content-Disposition", Disposition(selection->kind)}, {"Cache-Control", "no-store"}},
          .body = profile::Encode(merged->pprof),
          .static_body = {}};
}

http::Response Site::Ready() const {
  auto status = querier_.Ping();
  return http::ProbeResponse(status.ok() ? "" : ReasonOf(status));
}

http::Response Site::Timed(std::string_view question, const http::Request& request,
                           http::Response (Site::*answer)(const http::Request&) const) const {
  const auto* known = std::ranges::find(kQuestions, question);
  const uint64_t begin_ns = base::MonotonicNs();
  http::Response response = (this->*answer)(request);
  if (known != kQuestions.end()) {
    statistics_->Add(static_cast<size_t>(known - kQuestions.begin()),
                     absl::Nanoseconds(static_cast<int64_t>(base::MonotonicNs() - begin_ns)), response.status);
  }
  return response;
}

http::Response Site::Answer(const http::Request& request) const {
  const std::string_view path = request.path;
  if (path.starts_with(kApi)) return Timed(path.substr(kApi.size()), request, &Site::Api);
  if (path.starts_with(kPprof)) return Timed("pprof", request, &Site::Pprof);
  if (path == "/metrics") return http::MetricsResponse(metrics_());
  if (path == "/livez") return http::ProbeResponse("");
  if (request.path == "/readyz") return Ready();
  return PageFile(request);
}

}  // namespace sonde::web
