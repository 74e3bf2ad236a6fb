#include "agent/export/push_channel.h"

#include <cstdlib>
#include <utility>

#include "base/loopback.h"
#include "grpc/support/log.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/support/channel_arguments.h"
#include "spdlog/spdlog.h"

namespace sonde::exporting {
namespace {

constexpr int kMaxSendBytes = 16 << 20;
constexpr int kMaxReceiveBytes = 64 << 10;
constexpr int kMaxMetadataBytes = 8 << 10;
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kConnectTimeoutMs = 20'000;

}  // namespace

std::shared_ptr<grpc::Channel> OpenPushChannel(const ExportTarget& target,
                                               const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments args;
  args.SetMaxSendMessageSize(kMaxSendBytes);
  args.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  args.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  args.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
              static_cast<int>(absl::ToInt64Milliseconds(target.backoff_initial)));
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(absl::ToInt64Milliseconds(target.backoff_cap)));
  // Retries are ours: gRPC's own would hide a failure and resend beyond the deadline. No settings from DNS.
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  args.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // A proxy named in the environment must not stand between this host and itself.
  if (base::IsLoopback(target.endpoint)) args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  args.SetUserAgentPrefix("sonde-agent");
  // Else a channel with new certificates could go on over a connection that was made with the old ones.
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (!target.tls.server_name.empty()) args.SetSslTargetNameOverride(target.tls.server_name);
  return grpc::CreateCustomChannel(target.endpoint, credentials, args);
}

void RouteGrpcLog() {
  gpr_set_log_function([](gpr_log_func_args* line) { spdlog::debug("msg=\"{}\" component=grpc", line->message); });
}

void AdoptProxyVariables() {
  for (const auto& [upper, lower] : {std::pair("HTTPS_PROXY", "https_proxy"), std::pair("NO_PROXY", "no_proxy")}) {
    if (const char* value = std::getenv(upper); value != nullptr) ::setenv(lower, value, /*overwrite=*/0);
  }
}

}  // namespace sonde::exporting
