#include "collector/web/page_files.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "collector/page/assets.h"

namespace sonde::web {
namespace {

// Accept-Encoding as RFC 9110 12.5.3 has it: a list of codings with weights, where q=0 means "not this one". A client
// that sends no such header takes anything.
bool TakesGzip(const std::string& accept_encoding) {
  if (accept_encoding.empty()) return true;
  bool any = false;
  std::vector<std::string> items = absl::StrSplit(accept_encoding, ',');
  for (const std::string& item : items) {
    std::vector<std::string> parts = absl::StrSplit(item, ';');
    std::string coding = absl::AsciiStrToLower(absl::StripAsciiWhitespace(parts[0]));
    std::string weight = parts.size() > 1 ? absl::AsciiStrToLower(absl::StripAsciiWhitespace(parts[1])) : "";
    bool refused = weight.starts_with("q=0") && weight.find_first_not_of("0.", 2) == std::string::npos;
    if (coding == "gzip" || coding == "x-gzip") return !refused;
    if (coding == "*") any = !refused;
  }
  return any;
}

bool HasEtag(const std::string& if_none_match, std::string_view etag) {
  std::vector<std::string> items = absl::StrSplit(if_none_match, ',');
  for (const std::string& item : items) {
    std::string candidate(absl::StripAsciiWhitespace(item));
    if (candidate.starts_with("W/")) candidate.erase(0, 2);
    if (candidate == "*" || candidate == etag) return true;
  }
  return false;
}

}  // namespace

http::Response PageFile(const http::Request& request) {
  auto assets = page::Assets();
  auto asset = std::ranges::find(assets, request.path, &page::Asset::path);
  if (asset == assets.end()) return http::TextResponse(404, "there is nothing here; the page is at /\n");
  if (!TakesGzip(request.accept_encoding)) return http::TextResponse(406, "this page is sent with gzip only\n");
  http::Response response;
  response.headers["ETag"] = asset->etag;
  response.headers["Vary"] = "Accept-Encoding";
  response.headers["Cache-Control"] = asset->path == "/" ? "no-cache" : "public, max-age=31536000, immutable";
  if (HasEtag(request.if_none_match, asset->etag)) {
    response.status = 304;
    return response;
  }
  response.content_type = asset->content_type;
  response.headers["Content-Encoding"] = "gzip";
  response.static_body = asset->gzip_bytes;
  return response;
}

}  // namespace sonde::web
