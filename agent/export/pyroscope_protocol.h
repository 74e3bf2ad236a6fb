#pragma once

#include <memory>
#include <string>

#include "agent/export/protocol.h"
#include "grpcpp/channel.h"
#include "proto/push/v1/push.grpc.pb.h"

namespace sonde::exporting {

// Pyroscope's push.v1.PusherService/Push, which Sonde's collector speaks too: one profile a request.
class PyroscopeProtocol : public Protocol {
 public:
  explicit PyroscopeProtocol(const std::shared_ptr<grpc::Channel>& channel);

  grpc::Status Push(grpc::ClientContext* context, const profile::EncodedProfile& profile, Rejected* rejected) override;
  grpc::Status Knock(grpc::ClientContext* context) override;
  std::string_view SpokenAt() const override;
  std::optional<PushLimits> Limits() const override;

 private:
  const std::unique_ptr<push::v1::PusherService::Stub> stub_;
};

// The push of one profile: its labels and `__name__`, its bytes, and an id that a resend repeats.
push::v1::PushRequest MakePushRequest(const profile::EncodedProfile& profile);

// A UUID (version 8: own scheme) that depends on the profile's instance, sequence and part alone.
std::string SampleId(const profile::EncodedProfile& profile);

}  // namespace sonde::exporting
