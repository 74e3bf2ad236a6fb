#pragma once

#include <map>
#include <optional>

#include "absl/time/time.h"
#include "grpcpp/support/status.h"
#include "grpcpp/support/string_ref.h"

namespace sonde::exporting {

// No server makes us wait longer than this.
inline constexpr absl::Duration kLongestRetryHint = absl::Minutes(10);

// How long the server asks us to stay away: google.rpc.RetryInfo in the details of `status`, else the trailer
// `grpc-retry-pushback-ms` in `trailers` (a client context's, after the call), else `retry-after`, as a proxy that
// speaks HTTP says it, in seconds. Null when it says nothing that is a time
// from now on; at most kLongestRetryHint.
std::optional<absl::Duration> RetryHint(const grpc::Status& status,
                                        const std::multimap<grpc::string_ref, grpc::string_ref>& trailers);

}  // namespace sonde::exporting
