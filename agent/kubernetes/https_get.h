#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sonde::kubernetes {

struct HttpsRequest {
  std::string url;           // https://...
  std::string ca_file;       // PEM; nobody else is trusted
  std::string bearer_token;  // empty: none
  absl::Duration timeout;    // of all of it
};

struct HttpsAnswer {
  int status = 0;              // as HTTP's: 200
  absl::Duration retry_after;  // that the server asks for; 0: it does not
  std::string error_body;      // the first 4 KiB, unless the status is 200
};

// GET over TLS 1.2 or later, by libcurl: no redirects, no proxies, no other protocol.
class HttpsGet {
 public:
  // Takes the body of a 200 as it comes; false ends the request at once.
  using OnBytes = std::function<bool(std::string_view)>;

  HttpsGet();

  // Blocks until all has come. kUnavailable: the server was not reached or broke off; kDeadlineExceeded; kCancelled:
  // Stop() or `on_bytes` ended it; kPermissionDenied: its certificate is not to be trusted. One at a time.
  absl::StatusOr<HttpsAnswer> Run(const HttpsRequest& request, const OnBytes& on_bytes) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the request that runs, and all later ones. Thread-safe.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  class Transfer;

  absl::Status Perform(Transfer* transfer);

  std::atomic<bool> stopping_ = false;
  absl::Mutex mutex_;
  Transfer* running_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace sonde::kubernetes
