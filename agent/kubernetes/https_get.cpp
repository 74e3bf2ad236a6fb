#include "agent/kubernetes/https_get.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>

#include "absl/strings/str_cat.h"

namespace sonde::kubernetes {
namespace {

constexpr long kOk = 200;
constexpr size_t kMaxErrorBytes = 4'096;
constexpr long kConnectSeconds = 10;
constexpr long kKeepAliveSeconds = 30;  // a peer that is gone is found out after some of these
constexpr int kLookMs = 1'000;
constexpr absl::Duration kLongestRetryAfter = absl::Minutes(5);

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Easy = std::unique_ptr<CURL, Freer<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, Freer<curl_multi_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, Freer<curl_slist_free_all>>;

absl::Status ToStatus(CURLcode code, const char* words) {
  const std::string text = *words != '\0' ? words : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OK:
      return absl::OkStatus();
    case CURLE_OPERATION_TIMEDOUT:
      return absl::DeadlineExceededError(text);
    case CURLE_WRITE_ERROR:
      return absl::CancelledError("the rest of the answer is not wanted");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return absl::PermissionDeniedError(text);
    default:
      return absl::UnavailableError(text);
  }
}

}  // namespace

// One request on its way.
class HttpsGet::Transfer {
 public:
  Transfer(const HttpsRequest& request, const OnBytes& on_bytes)
      : on_bytes_(on_bytes), multi_(curl_multi_init()), easy_(curl_easy_init()) {
    AddHeader("Accept: application/json");
    if (!request.bearer_token.empty()) AddHeader(absl::StrCat("Authorization: Bearer ", request.bearer_token));
    SetUp(request);
    is_added_ = curl_multi_add_handle(multi_.get(), easy_.get()) == CURLM_OK;
  }
  ~Transfer() {
    if (is_added_) curl_multi_remove_handle(multi_.get(), easy_.get());
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  bool IsReady() const { return is_added_; }
  void Wake() { curl_multi_wakeup(multi_.get()); }

  // Moves what can be moved, then waits for more or a Wake(). False when there is no more to come.
  bool Step() {
    int running = 0;
    if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) return false;
    if (running == 0) return false;
    return curl_multi_poll(multi_.get(), nullptr, 0, kLookMs, nullptr) == CURLM_OK;
  }

  absl::Status Result() const {
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(multi_.get(), &left);
    if (message == nullptr || message->msg != CURLMSG_DONE) return absl::UnavailableError("the request was broken off");
    return ToStatus(message->data.result, error_.data());
  }

  HttpsAnswer Answer() const {
    curl_off_t retry_after = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &retry_after);
    return {.status = static_cast<int>(Code()),
            .retry_after = std::min(absl::Seconds(retry_after), kLongestRetryAfter),
            .error_body = error_body_};
  }

 private:
  void AddHeader(const std::string& line) {
    if (curl_slist* longer = curl_slist_append(headers_.get(), line.c_str())) {
      static_cast<void>(headers_.release());
      headers_.reset(longer);
    }
  }

  void SetUp(const HttpsRequest& request) {
    CURL* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy, CURLOPT_CAINFO, request.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);  // a renewed file counts at once
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "sonde-agent");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(absl::ToInt64Milliseconds(request.timeout)));
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kKeepAliveSeconds);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kKeepAliveSeconds);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_.data());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::Write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  }

  long Code() const {
    long code = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &code);
    return code;
  }

  // Called by libcurl from within Step(); another count than that of the bytes ends the request.
  static size_t Write(char* bytes, size_t one, size_t count, void* self) {
    return static_cast<Transfer*>(self)->Take({bytes, one * count}) ? one * count : CURL_WRITEFUNC_ERROR;
  }

  bool Take(std::string_view bytes) {
    if (Code() == kOk) return on_bytes_(bytes);
    error_body_.append(bytes.substr(0, kMaxErrorBytes - error_body_.size()));
    return true;
  }

  const OnBytes& on_bytes_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::string error_body_;
  HeaderList headers_;  // as long as the transfer
  Multi multi_;
  Easy easy_;
  bool is_added_ = false;
};

HttpsGet::HttpsGet() {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(kReady);  // when it is not, no transfer is either
}

void HttpsGet::Stop() {
  stopping_ = true;
  absl::MutexLock lock(&mutex_);
  if (running_ != nullptr) running_->Wake();
}

absl::Status HttpsGet::Perform(Transfer* transfer) {
  if (!transfer->IsReady()) return absl::InternalError("libcurl makes no transfer");
  while (!stopping_) {
    if (!transfer->Step()) return transfer->Result();
  }
  return absl::CancelledError("stopped");
}

absl::StatusOr<HttpsAnswer> HttpsGet::Run(const HttpsRequest& request, const OnBytes& on_bytes) {
  Transfer transfer(request, on_bytes);
  {
    absl::MutexLock lock(&mutex_);
    running_ = &transfer;
  }
  const absl::Status performed = Perform(&transfer);
  {
    absl::MutexLock lock(&mutex_);
    running_ = nullptr;
  }
  if (!performed.ok()) return performed;
  return transfer.Answer();
}

}  // namespace sonde::kubernetes
