#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace sonde::http {

struct Request {
  std::string method;  // "GET" or "HEAD"; "POST" where it is served
  std::string path;    // decoded, without the query
  std::map<std::string, std::string> parameters;
  std::string repeated_parameter;  // a parameter that was given twice; empty when none was
  std::string accept_encoding;
  std::string if_none_match;
  std::string content_type{};      // of `body`
  std::string content_encoding{};  // likewise
  std::string body{};              // of a POST
};

struct Response {
  int status = 200;
  std::string content_type;
  std::map<std::string, std::string> headers;  // besides those that every answer carries
  std::string body;
  std::string_view static_body;  // sent instead of `body` when not empty; must live as long as the program
};

// `body` as plain text.
inline Response TextResponse(int status, std::string body) {
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .headers = {},
          .body = std::move(body),
          .static_body = {}};
}

// `body` as JSON of now: nobody is to keep it.
inline Response JsonResponse(int status, std::string body) {
  return {.status = status,
          .content_type = "application/json",
          .headers = {{"Cache-Control", "no-store"}},
          .body = std::move(body),
          .static_body = {}};
}

// `metrics` in Prometheus's text format 0.0.4, of now: nobody is to keep it.
inline Response MetricsResponse(std::string metrics) {
  return {.status = 200,
          .content_type = "text/plain; version=0.0.4; charset=utf-8",
          .headers = {{"Cache-Control", "no-store"}},
          .body = std::move(metrics),
          .static_body = {}};
}

// The answer to /livez and /readyz: that all is well, or `why_not`.
inline Response ProbeResponse(const std::string& why_not) {
  Response response = TextResponse(why_not.empty() ? 200 : 503, (why_not.empty() ? "ok" : why_not) + "\n");
  response.headers["Cache-Control"] = "no-store";
  return response;
}

}  // namespace sonde::http
