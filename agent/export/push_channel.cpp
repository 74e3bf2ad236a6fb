#include "agent/export/push_channel.h"

#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "profile/kind.h"

namespace sonde::exporting {
namespace {

constexpr int kMaxSendBytes = 16 << 20;
constexpr int kMaxReceiveBytes = 64 << 10;
constexpr int kMaxMetadataBytes = 8 << 10;
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kConnectTimeoutMs = 20'000;

bool IsLoopback(const std::string& endpoint) {
  return absl::StartsWith(endpoint, "127.") || absl::StartsWith(endpoint, "localhost:") ||
         absl::StartsWith(endpoint, "[::1]:");
}

uint64_t Fnv1a(uint64_t hash, std::string_view text) {
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

void AddLabel(push::v1::RawProfileSeries* series, const std::string& name, const std::string& value) {
  types::v1::LabelPair* pair = series->add_labels();
  pair->set_name(name);
  pair->set_value(value);
}

}  // namespace

std::shared_ptr<grpc::Channel> OpenPushChannel(const ExportTarget& target) {
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
  if (IsLoopback(target.endpoint)) args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  args.SetUserAgentPrefix("sonde-agent");
  return grpc::CreateCustomChannel(target.endpoint, grpc::InsecureChannelCredentials(), args);
}

push::v1::PushRequest MakePushRequest(const profile::EncodedProfile& profile, const std::string& instance_uuid) {
  push::v1::PushRequest request;
  push::v1::RawProfileSeries* series = request.add_series();
  AddLabel(series, "__name__", std::string(profile::PyroscopeName(profile.kind)));
  for (const auto& [name, value] : profile.labels) {
    if (name != "__name__") AddLabel(series, name, value);
  }
  push::v1::RawSample* sample = series->add_samples();
  sample->set_raw_profile(profile.pprof_gz);
  sample->set_id(SampleId(instance_uuid, profile.sequence));
  return request;
}

std::string SampleId(const std::string& instance_uuid, uint64_t sequence) {
  const std::string key = absl::StrCat(instance_uuid, "/", sequence);
  const uint64_t high = (Fnv1a(0xcbf29ce484222325, key) & ~uint64_t{0xf000}) | 0x8000;
  const uint64_t low = (Fnv1a(0x9ae16a3b2f90404f, key) & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48,
                         low & 0xffffffffffff);
}

}  // namespace sonde::exporting
