#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace sonde::http {

struct Request {
  std::string method;  // "GET" or "HEAD"
  std::string path;    // decoded, without the query
  std::map<std::string, std::string> parameters;
  std::string repeated_parameter;  // a parameter that was given twice; empty when none was
  std::string accept_encoding;
  std::string if_none_match;
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

}  // namespace sonde::http
