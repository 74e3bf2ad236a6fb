#pragma once

#include <memory>
#include <optional>

#include "agent/export/otlp_profile.h"
#include "agent/export/protocol.h"
#include "grpcpp/channel.h"
#include "proto/opentelemetry/proto/collector/profiles/v1development/profiles_service.grpc.pb.h"

namespace sonde::exporting {

// OpenTelemetry's ProfilesService/Export in its development version (the definitions in proto/ say which), all profiles
// of a window in one request as far as that is not too large, always compressed by gzip, which every receiver must
// know. A receiver's warning comes back as a Rejected of no profiles.
class OtlpProtocol : public Protocol {
 public:
  OtlpProtocol(const std::shared_ptr<grpc::Channel>& channel, OtlpOrigin origin);

  // INVALID_ARGUMENT without asking the server for what is no profile.
  grpc::Status Push(grpc::ClientContext* context, const profile::EncodedProfile& profile, Rejected* rejected) override;
  size_t MostTogether() const override { return kMostOtlpTogether; }
  grpc::Status PushTogether(grpc::ClientContext* context, std::span<const ProfilePtr> profiles, size_t* taken,
                            Rejected* rejected) override;
  grpc::Status Knock(grpc::ClientContext* context) override;
  std::string_view SpokenAt() const override;
  std::optional<PushLimits> Limits() const override;

 private:
  // More than a host has in a window, by its limit of series.
  static constexpr size_t kMostOtlpTogether = 8192;

  grpc::Status Export(grpc::ClientContext* context, OtlpRequestWriter request, Rejected* rejected);

  const OtlpOrigin origin_;
  const std::unique_ptr<opentelemetry::proto::collector::profiles::v1development::ProfilesService::Stub> stub_;
};

}  // namespace sonde::exporting
