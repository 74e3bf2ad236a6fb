#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "agent/export/otlp_dictionary.h"
#include "profile/encoded_profile.h"
#include "proto/opentelemetry/proto/collector/profiles/v1development/profiles_service.pb.h"

namespace sonde::exporting {

using OtlpRequest = ::opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceRequest;

// Who tells.
struct OtlpOrigin {
  std::string version;  // of Sonde
  std::string host_id;  // of the host that was profiled; empty = not known
};

// Makes one request, as OpenTelemetry's ProfilesService/Export takes it, of profiles, whole or parts, which share its
// tables: the sums over their samples, for each sample type, are those of the profiles. The same profiles in the same
// order give the same request.
//
// A profile becomes one for each sample type, the default one first, named as in the pprof, but
// "off_cpu"/"nanoseconds" for time off the CPU, which has no period, since every wait is in it. Time that is nothing
// but a count of ticks by their period is told by the count and that period, as the specification does, and not again.
// Samples of value 0 are left out, equal samples are one, and of a profile without others nothing is sent. Attributes:
// see otlp_attributes.h, otlp_frame_type.h; and pprof's flags and comments by their names in OpenTelemetry. profile_id
// depends on instance, sequence, part and type alone, so that a receiver may know a resend. Profiles of one series are
// under one resource.
//
// Single-threaded; `origin` must outlive it.
class OtlpRequestWriter {
 public:
  explicit OtlpRequestWriter(const OtlpOrigin& origin) : origin_(origin) {}

  // kInvalidArgument when it is not a pprof: then nothing was added.
  absl::Status Add(const profile::EncodedProfile& profile);

  // What the request takes on the wire so far, or a little more.
  size_t Bytes() const { return bytes_ + dictionary_.Bytes(); }

  // The request, in the order in which gzip makes least of it (otlp_order.h); without a resource when there is nothing
  // to send. Call it last.
  OtlpRequest Take() &&;

 private:
  opentelemetry::proto::profiles::v1development::ScopeProfiles* ScopeOf(const profile::Labels& labels);

  const OtlpOrigin& origin_;
  OtlpDictionary dictionary_;
  OtlpRequest request_;
  std::map<profile::Labels, opentelemetry::proto::profiles::v1development::ScopeProfiles*> scopes_;
  size_t bytes_ = 0;  // of what is no table
};

}  // namespace sonde::exporting
