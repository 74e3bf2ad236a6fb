#include "collector/web/site.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"
#include "collector/web/answers.h"
#include "collector/web/page_files.h"
#include "collector/web/parameters.h"
#include "collector/web/pyroscope_api.h"
#include "collector/web/questions.h"
#include "profile/pprof_file.h"
#include "spdlog/spdlog.h"

namespace sonde::web {
namespace {

constexpr std::string_view kApi = "/api/v1/";
constexpr std::string_view kPprof = "/pprof/";
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

// As Go's own /debug/pprof/ answers errors.
http::Response PprofError(const absl::Status& status) {
  http::Response response = Text(HttpStatus(status.code()), ReasonOf(status));
  response.headers.emplace("X-Go-Pprof", "1");
  return response;
}

std::string QuestionNames() {
  return absl::StrJoin(Questions(), ", ",
                       [](std::string* out, const Question& one) { out->append(one.name.data(), one.name.size()); });
}

}  // namespace

http::Response Site::Api(const http::Request& request) const {
  for (const Question& question : Questions()) {
    if (std::string_view(request.path).substr(kApi.size()) != question.name) continue;
    auto answer = question.answer(querier_, request);
    if (answer.ok()) return *std::move(answer);
    return http::JsonResponse(HttpStatus(answer.status().code()), ErrorJson(ReasonOf(answer.status())));
  }
  return http::JsonResponse(404, ErrorJson(absl::StrCat("there is no such question; known are: ", QuestionNames())));
}

http::Response Site::Pprof(const http::Request& request) const {
  auto status = CheckParameters(request, {"seconds", "query", "from", "to", "focus", "ignore"});
  if (!status.ok()) return PprofError(status);
  auto query = StackQueryOf(request, std::string_view(request.path).substr(kPprof.size()));
  if (!query.ok()) return PprofError(query.status());
  auto merged = querier_.Merge(*query);
  if (!merged.ok()) return PprofError(merged.status());
  return FileResponse(profile::Encode(merged->pprof), "application/octet-stream", query->selection.kind, ".pb.gz");
}

http::Response Site::Pyroscope(const http::Request& request) const { return PyroscopeAnswer(querier_, request); }

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
  if (path.starts_with(kPyroscopeApi)) return Timed("pyroscope", request, &Site::Pyroscope);
  if (request.method == "POST") return Text(405, "this is asked by GET");
  if (path.starts_with(kApi)) return Timed(path.substr(kApi.size()), request, &Site::Api);
  if (path.starts_with(kPprof)) return Timed("pprof", request, &Site::Pprof);
  if (path == "/metrics") return http::MetricsResponse(metrics_());
  if (path == "/livez") return http::ProbeResponse("");
  if (request.path == "/readyz") return Ready();
  return PageFile(request);
}

}  // namespace sonde::web
