#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/kubernetes/https_get.h"

namespace sonde::kubernetes {

// Where the Kubernetes API is, and how we show who we are.
struct ApiServer {
  std::string address;          // "https://10.0.0.1:443"
  std::string service_account;  // a folder with `token` and `ca.crt`, both read anew for each request
};

// By KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, as every pod has them; empty outside of pods.
std::string AddressFromEnvironment();

// A request for `path` ("/api/v1/pods?..."). Errors name the file that cannot be read, or is none.
absl::StatusOr<HttpsRequest> RequestFor(const ApiServer& server, const std::string& path, absl::Duration timeout);

// `text` as a value in a URL's query.
std::string UrlQuoted(const std::string& text);

}  // namespace sonde::kubernetes
