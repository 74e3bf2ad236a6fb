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
  // `instance_uuid` names this run of the agent.
  PyroscopeProtocol(const std::shared_ptr<grpc::Channel>& channel, std::string instance_uuid);

  grpc::Status Push(grpc::ClientContext* context, const profile::EncodedProfile& profile, Rejected* rejected) override;
  std::optional<PushLimits> Limits() const override;

 private:
  const std::string instance_uuid_;
  const std::unique_ptr<push::v1::PusherService::Stub> stub_;
};

// The push of one profile: its labels and `__name__`, its bytes, and an id that a resend repeats.
push::v1::PushRequest MakePushRequest(const profile::EncodedProfile& profile, const std::string& instance_uuid);

// A UUID (version 8: own scheme) that depends on `instance_uuid`, `sequence` and `part` alone.
std::string SampleId(const std::string& instance_uuid, uint64_t sequence, uint64_t part);

}  // namespace sonde::exporting
