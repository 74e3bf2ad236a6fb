#include "agent/kubernetes/api_server.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/credential_file.h"

namespace sonde::kubernetes {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

std::string AddressFromEnvironment() {
  const std::string host = Variable("KUBERNETES_SERVICE_HOST"), port = Variable("KUBERNETES_SERVICE_PORT");
  if (host.empty()) return "";
  const bool is_ipv6 = host.find(':') != std::string::npos && host[0] != '[';
  return absl::StrCat("https://", is_ipv6 ? absl::StrCat("[", host, "]") : host, ":", port.empty() ? "443" : port);
}

absl::StatusOr<HttpsRequest> RequestFor(const ApiServer& server, const std::string& path, absl::Duration timeout) {
  absl::StatusOr<std::string> token = base::ReadToken(server.service_account + "/token");
  if (!token.ok()) return token.status();
  return HttpsRequest{.url = server.address + path,
                      .ca_file = server.service_account + "/ca.crt",
                      .bearer_token = *std::move(token),
                      .timeout = timeout};
}

std::string UrlQuoted(const std::string& text) {
  std::string quoted;
  for (unsigned char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
      quoted.push_back(static_cast<char>(c));
    else
      absl::StrAppendFormat(&quoted, "%%%02X", c);
  }
  return quoted;
}

}  // namespace sonde::kubernetes
