#include "agentctl/collector_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agentctl/interrupt.h"
#include "base/loopback.h"
#include "nlohmann/json.hpp"

namespace sonde::agentctl {
namespace {

constexpr size_t kMaxAnswerBytes = size_t{256} << 20;
constexpr long kConnectSeconds = 10, kAnswerSeconds = 120;

struct Body {
  std::string text;
  bool is_too_long = false;
};

size_t TakeBody(char* bytes, size_t size, size_t count, void* to) {
  auto* answer = static_cast<Body*>(to);
  answer->is_too_long = answer->text.size() + size * count > kMaxAnswerBytes;
  if (answer->is_too_long) return 0;  // ends the transfer
  answer->text.append(bytes, size * count);
  return size * count;
}

int GoOnUnlessInterrupted(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return Interrupted() ? 1 : 0; }

// No proxy leads there.
bool IsOfThisHost(const std::string& url) {
  std::string authority = url.substr(url.find("://") + 3);
  authority.resize(std::min(authority.find('/'), authority.size()));
  return base::IsLoopback(authority) || base::IsLoopback(authority + ":80");
}

std::string Escaped(const std::string& text) {
  const std::unique_ptr<char, decltype(&curl_free)> escaped(
      curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), curl_free);
  return escaped != nullptr ? escaped.get() : "";
}

// {"error": "..."}, or what was said instead by somebody else.
std::string ReasonIn(const std::string& body) {
  const nlohmann::json answer = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (answer.is_object() && answer.contains("error") && answer["error"].is_string())
    return answer["error"].get<std::string>();
  return body.substr(0, 200);
}

absl::Status Refused(long code, const std::string& url, const std::string& body) {
  const std::string reason = ReasonIn(body);
  if (code == 400) return absl::InvalidArgumentError(reason);
  if (code == 404) return absl::NotFoundError(reason);
  return absl::FailedPreconditionError(absl::StrCat(url, " answers ", code, ": ", reason));
}

absl::Status NoAnswer(CURLcode error, const std::string& url, const char* why, bool is_too_long) {
  if (error == CURLE_ABORTED_BY_CALLBACK) return absl::CancelledError("interrupted");
  if (is_too_long)
    return absl::ResourceExhaustedError("the answer is over 256 MiB: ask for less time, or fewer series");
  const std::string text = absl::StrCat("no collector answers at ", url, ": ", why,
                                        ". Name it with --collector URL or SONDE_COLLECTOR; `systemctl status "
                                        "sonde-collector` tells of this host's.");
  if (error == CURLE_OPERATION_TIMEDOUT) return absl::DeadlineExceededError(text);
  return absl::UnavailableError(text);
}

}  // namespace

absl::StatusOr<std::string> CollectorUrl(const std::string& text) {
  std::string url =
      absl::StartsWith(text, "http://") || absl::StartsWith(text, "https://") ? text : absl::StrCat("http://", text);
  while (absl::EndsWith(url, "/")) url.pop_back();
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  if (parsed != nullptr && !text.empty() && curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK)
    return url;
  return absl::InvalidArgumentError(
      absl::StrCat("--collector: '", text, "' is no address: write HOST:PORT or http://HOST:PORT"));
}

std::string QueryString(const Parameters& parameters) {
  std::string query;
  for (const auto& [name, value] : parameters) {
    if (!value.empty()) absl::StrAppend(&query, query.empty() ? "?" : "&", name, "=", Escaped(value));
  }
  return query;
}

absl::StatusOr<std::string> AskCollector(const std::string& url, const std::string& path,
                                         const Parameters& parameters) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  if (curl == nullptr) return absl::InternalError("cannot make an HTTP client");
  Body answer;
  char why[CURL_ERROR_SIZE] = "";
  const std::string asked = absl::StrCat(url, path, QueryString(parameters));
  curl_easy_setopt(curl.get(), CURLOPT_URL, asked.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  if (IsOfThisHost(url)) curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, kAnswerSeconds);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, TakeBody);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFOFUNCTION, GoOnUnlessInterrupted);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, why);
  const CURLcode error = curl_easy_perform(curl.get());
  if (error != CURLE_OK) return NoAnswer(error, url, why[0] != 0 ? why : curl_easy_strerror(error), answer.is_too_long);
  long code = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &code);
  if (code != 200) return Refused(code, url, answer.text);
  return std::move(answer.text);
}

}  // namespace sonde::agentctl
