#pragma once

#include <memory>

#include "agent/export/export_target.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/credentials.h"

namespace sonde::exporting {

// A channel to `target` with explicit sizes, keepalive and reconnection. Connects on first use, through the proxy that
// the environment names unless the target is this host.
std::shared_ptr<grpc::Channel> OpenPushChannel(const ExportTarget& target,
                                               const std::shared_ptr<grpc::ChannelCredentials>& credentials);

// Sends what gRPC would write to stderr at each failed try into our log, at debug level: what matters of it is the
// error of the push. Call before the first channel is opened.
void RouteGrpcLog();

// gRPC looks at https_proxy and no_proxy in lower case only: gives it HTTPS_PROXY and NO_PROXY where these are not set.
// REQUIRES: no other thread looks at the environment.
void AdoptProxyVariables();

}  // namespace sonde::exporting
