#include "agent/export/otlp_protocol.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "agent/export/profile_parts.h"

namespace sonde::exporting {
namespace {

namespace collector = ::opentelemetry::proto::collector::profiles::v1development;

// gRPC servers take 4 MiB, uncompressed, unless they were told otherwise, as an OpenTelemetry Collector is by its
// max_recv_msg_size_mib. A request is about as large as its pprof.
constexpr size_t kMaxOtlpPprofBytes = size_t{3} << 20;
constexpr size_t kMaxOtlpRequestBytes = size_t{7} << 19;

grpc::Status Refuse(const absl::Status& status) {
  return {grpc::StatusCode::INVALID_ARGUMENT, std::string(status.message())};
}

}  // namespace

OtlpProtocol::OtlpProtocol(const std::shared_ptr<grpc::Channel>& channel, OtlpOrigin origin)
    : origin_(std::move(origin)), stub_(collector::ProfilesService::NewStub(channel)) {}

grpc::Status OtlpProtocol::Push(grpc::ClientContext* context, const profile::EncodedProfile& profile,
                                Rejected* rejected) {
  OtlpRequestWriter request(origin_);
  if (absl::Status added = request.Add(profile); !added.ok()) return Refuse(added);
  return Export(context, std::move(request), rejected);
}

grpc::Status OtlpProtocol::PushTogether(grpc::ClientContext* context, std::span<const ProfilePtr> profiles,
                                        size_t* taken, Rejected* rejected) {
  OtlpRequestWriter request(origin_);
  *taken = 0;
  for (const ProfilePtr& profile : profiles) {
    // A profile adds no more than it is by itself.
    if (*taken > 0 && request.Bytes() + PlainBytes(profile->pprof_gz) > kMaxOtlpRequestBytes) break;
    const absl::Status added = request.Add(*profile);
    if (!added.ok() && *taken > 0) break;
    ++*taken;
    if (!added.ok()) return Refuse(added);
  }
  return Export(context, std::move(request), rejected);
}

grpc::Status OtlpProtocol::Export(grpc::ClientContext* context, OtlpRequestWriter writer, Rejected* rejected) {
  const OtlpRequest request = std::move(writer).Take();
  if (request.resource_profiles().empty()) return grpc::Status::OK;
  context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
  collector::ExportProfilesServiceResponse response;
  const grpc::Status status = stub_->Export(context, request, &response);
  const auto& partial = response.partial_success();
  rejected->profiles = static_cast<uint64_t>(std::max<int64_t>(partial.rejected_profiles(), 0));
  rejected->why = partial.error_message();
  return status;
}

grpc::Status OtlpProtocol::Knock(grpc::ClientContext* context) {
  collector::ExportProfilesServiceResponse response;
  return stub_->Export(context, {}, &response);
}

std::string_view OtlpProtocol::SpokenAt() const {
  return "an OpenTelemetry Collector listens on 4317, and takes profiles with --feature-gates=service.profilesSupport";
}

std::optional<PushLimits> OtlpProtocol::Limits() const {
  return PushLimits{.pprof_bytes = kMaxOtlpPprofBytes, .samples = std::numeric_limits<int>::max()};
}

}  // namespace sonde::exporting
