#include "agent/export/http_put.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/loopback.h"

namespace sonde::exporting {
namespace {

constexpr long kConnectSeconds = 20;
constexpr long kClientErrors = 400, kServerErrors = 500;

struct PutState {
  const DebuginfoBytes* bytes;
  const std::function<bool()>* is_stopped;
  uint64_t at = 0;
  bool is_short = false;
};

size_t ReadBytes(char* buffer, size_t size, size_t count, void* user) {
  auto* state = static_cast<PutState*>(user);
  const auto wanted = std::min<uint64_t>(size * count, state->bytes->SizeBytes() - state->at);
  if (wanted > 0 && !state->bytes->ReadAt(state->at, std::span(buffer, wanted))) {
    state->is_short = true;
    return CURL_READFUNC_ABORT;
  }
  state->at += wanted;
  return wanted;
}

// What a server says besides its code is of no use, however long it is.
size_t Discard(char*, size_t size, size_t count, void*) { return size * count; }

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return (*static_cast<PutState*>(user)->is_stopped)() ? 1 : 0;
}

// As the library that connects understands it, so that no way of writing means one host here and another one there.
bool IsOfThisHost(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), curl_url_cleanup);
  char* host = nullptr;
  if (parts == nullptr || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parts.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return false;
  }
  const bool is_loopback = base::IsLoopback(absl::StrCat(host, ":80"));
  curl_free(host);
  return is_loopback;
}

absl::Status OutcomeOf(CURLcode code, long answer, const PutState& state, const char* error) {
  if (state.is_short) return absl::InvalidArgumentError("what was to be given cannot be read any more");
  if (code == CURLE_ABORTED_BY_CALLBACK) return absl::CancelledError("stopped");
  if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT) {
    return absl::InvalidArgumentError(absl::StrCat("the signed URL is not one for us, which is https: ", error));
  }
  if (code != CURLE_OK) return absl::UnavailableError(absl::StrCat(curl_easy_strerror(code), ": ", error));
  if (answer / 100 == 2) return absl::OkStatus();
  const std::string said = absl::StrCat("the object store answered ", answer);
  const bool is_ours = answer >= kClientErrors && answer < kServerErrors;
  return is_ours ? absl::InvalidArgumentError(said) : absl::UnavailableError(said);
}

}  // namespace

absl::Status PutBytes(const HttpPut& put, const std::function<bool()>& is_stopped) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> owned(curl_easy_init(), curl_easy_cleanup);
  if (owned == nullptr) return absl::UnavailableError("no memory for an HTTP request");
  CURL* curl = owned.get();
  PutState state{.bytes = put.bytes, .is_stopped = &is_stopped};
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_URL, put.url.c_str());
  const bool is_of_this_host = IsOfThisHost(put.url);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, is_of_this_host ? "https,http" : "https");
  if (is_of_this_host) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(put.bytes->SizeBytes()));
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, &ReadBytes);
  curl_easy_setopt(curl, CURLOPT_READDATA, &state);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Discard);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &state);
  curl_easy_setopt(curl, CURLOPT_MAX_SEND_SPEED_LARGE, static_cast<curl_off_t>(put.bytes_per_second));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(absl::ToInt64Seconds(put.timeout)));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  const CURLcode code = curl_easy_perform(curl);
  long answer = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
  return OutcomeOf(code, answer, state, error);
}

}  // namespace sonde::exporting
