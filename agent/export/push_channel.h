#pragma once

#include <memory>
#include <string>

#include "agent/export/export_target.h"
#include "grpcpp/channel.h"
#include "profile/encoded_profile.h"
#include "proto/push/v1/push.pb.h"

namespace sonde::exporting {

// A channel to `target` with explicit sizes, keepalive and reconnection. Connects on first use. In clear text.
std::shared_ptr<grpc::Channel> OpenPushChannel(const ExportTarget& target);

// The push of one profile: its labels and `__name__`, its bytes, and an id that a resend repeats.
push::v1::PushRequest MakePushRequest(const profile::EncodedProfile& profile, const std::string& instance_uuid);

// A UUID (version 8: own scheme) that depends on `instance_uuid` and `sequence` alone.
std::string SampleId(const std::string& instance_uuid, uint64_t sequence);

}  // namespace sonde::exporting
