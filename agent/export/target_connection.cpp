#include "agent/export/target_connection.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "agent/export/push_channel.h"
#include "base/credential_file.h"

namespace sonde::exporting {
namespace {

// The value of the header `authorization`; empty without credentials.
absl::StatusOr<std::string> AuthorizationOf(const TargetAuth& auth) {
  if (!auth.token_file.empty()) {
    const absl::StatusOr<std::string> token = base::ReadToken(auth.token_file);
    if (!token.ok()) return token;
    return absl::StrCat("Bearer ", *token);
  }
  if (auth.username.empty()) return std::string();
  const absl::StatusOr<std::string> password = base::ReadToken(auth.password_file);
  if (!password.ok()) return password;
  return absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(auth.username, ":", *password)));
}

}  // namespace

TargetConnection::TargetConnection(ExportTarget target) : target_(std::move(target)), tls_files_(target_.tls) {}

absl::StatusOr<bool> TargetConnection::Renew() {
  if (target_.endpoint.empty()) return false;
  if (channel_ != nullptr && (!target_.tls.enabled || !tls_files_.HaveChanged())) return false;
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (target_.tls.enabled) {
    absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> tls = tls_files_.Read();
    if (!tls.ok()) return tls.status();
    credentials = *std::move(tls);
  }
  channel_ = OpenPushChannel(target_, credentials);
  return true;
}

absl::Status TargetConnection::Prepare(grpc::ClientContext* call) const {
  const absl::StatusOr<std::string> authorization = AuthorizationOf(target_.auth);
  if (!authorization.ok()) return authorization.status();
  if (!authorization->empty()) call->AddMetadata("authorization", *authorization);
  if (!target_.tenant.empty()) call->AddMetadata("x-scope-orgid", target_.tenant);
  for (const auto& [name, value] : target_.headers) call->AddMetadata(name, value);
  if (target_.gzip) call->set_compression_algorithm(GRPC_COMPRESS_GZIP);
  return absl::OkStatus();
}

}  // namespace sonde::exporting
