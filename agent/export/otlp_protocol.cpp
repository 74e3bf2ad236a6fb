#include "agent/export/otlp_protocol.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace sonde::exporting {
namespace {

namespace collector = ::opentelemetry::proto::collector::profiles::v1development;

// gRPC servers take 4 MiB, uncompressed, unless they were told otherwise, as an OpenTelemetry Collector is by its
// max_recv_msg_size_mib. A request is about as large as its pprof.
constexpr size_t kMaxOtlpPprofBytes = size_t{3} << 20;

}  // namespace

OtlpProtocol::OtlpProtocol(const std::shared_ptr<grpc::Channel>& channel, OtlpOrigin origin)
    : origin_(std::move(origin)), stub_(collector::ProfilesService::NewStub(channel)) {}

grpc::Status OtlpProtocol::Push(grpc::ClientContext* context, const profile::EncodedProfile& profile,
                                Rejected* rejected) {
  const absl::StatusOr<OtlpRequest> request = MakeOtlpRequest(profile, origin_);
  if (!request.ok()) return {grpc::StatusCode::INVALID_ARGUMENT, std::string(request.status().message())};
  if (request->resource_profiles().empty()) return grpc::Status::OK;
  context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
  collector::ExportProfilesServiceResponse response;
  const grpc::Status status = stub_->Export(context, *request, &response);
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
