#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "profile/encoded_profile.h"
#include "proto/opentelemetry/proto/collector/profiles/v1development/profiles_service.pb.h"

namespace sonde::exporting {

using OtlpRequest = ::opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceRequest;

// Who tells.
struct OtlpOrigin {
  std::string version;  // of Sonde
  std::string host_id;  // of the host that was profiled; empty = not known
};

// `profile`, whole or a part, as OpenTelemetry's ProfilesService/Export takes it: the sums over its samples, for each
// sample type, are those of `profile`. The same arguments give the same request. Without a resource when no sample has
// a value: there is nothing to send.
//
// A request has one profile for each sample type, the default one first, named as in the pprof, but
// "off_cpu"/"nanoseconds" for time off the CPU, which has no period, since every wait is in it. Samples of value 0 are
// left out, equal samples are one. Attributes: see otlp_attributes.h, otlp_frame_type.h; and pprof's flags and comments
// by their names in OpenTelemetry. profile_id depends on instance, sequence, part and type alone, so that a receiver
// may know a resend.
//
// kInvalidArgument when it is not a pprof.
absl::StatusOr<OtlpRequest> MakeOtlpRequest(const profile::EncodedProfile& profile, const OtlpOrigin& origin);

}  // namespace sonde::exporting
