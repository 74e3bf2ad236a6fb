#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "profile/encoded_profile.h"
#include "proto/parca/profilestore/v1alpha1/profilestore.pb.h"

namespace sonde::exporting {

struct ParcaLimits {
  size_t max_series = 64;                       // that one profile becomes
  size_t max_request_bytes = size_t{15} << 20;  // of the server's 64 MiB and of what our channels send at most
  bool server_names_the_rest = false;           // places without a name go without a line (ParcaPprof)
};

// `profile` as Parca's ProfileStoreService/WriteRaw takes it. The result is the same, to the last byte, for the same
// arguments.
//
// Names. On-CPU and off-CPU go by those of Parca's own agent, which its page knows by heart; what its agent has no name
// for keeps Sonde's:
//   cpu     parca_agent:samples:count:cpu:nanoseconds:delta. The server multiplies by the period, so that the
//           nanoseconds need not be sent.
//   offcpu  parca_agent:wallclock:nanoseconds:samples:count:delta, and parca_agent:waits:count:samples:count:delta.
//   others  `__name__` as at Pyroscope, types of the kind: wall:wall:nanoseconds:wall:nanoseconds:delta.
//
// Labels. The server loses those of samples, so each distinct set of them becomes a series, beside the labels of the
// profile; when that are more than `max_series`, or a request is larger than `max_request_bytes`, labels are left out
// as GroupByLabels() says, first the one with the most values. Samples never are: all series together have the
// profile's sums. A request without any labels of samples is about as large as the profile, and goes however large:
// ParcaProtocol has profiles cut before.
//
// kInvalidArgument, for good: not a pprof; not one of its kind; on-CPU samples whose nanoseconds are not their count
// times the period (the agent makes none), since the server would show other sums.
absl::StatusOr<parca::profilestore::v1alpha1::WriteRawRequest> MakeWriteRawRequest(
    const profile::EncodedProfile& profile, const ParcaLimits& limits = {});

}  // namespace sonde::exporting
