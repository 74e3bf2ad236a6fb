#include "agent/export/retry_hint.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "proto/google/rpc/error_details.pb.h"
#include "proto/google/rpc/status.pb.h"

namespace sonde::exporting {
namespace {

constexpr char kPushback[] = "grpc-retry-pushback-ms";

// Seconds and nanoseconds are the server's and may be anything; absl's durations saturate.
std::optional<absl::Duration> DelayIn(const std::string& details) {
  google::rpc::Status status;
  if (details.empty() || !status.ParseFromString(details)) return std::nullopt;
  for (const google::protobuf::Any& detail : status.details()) {
    google::rpc::RetryInfo info;
    if (!detail.Is<google::rpc::RetryInfo>() || !detail.UnpackTo(&info) || !info.has_retry_delay()) continue;
    return absl::Seconds(info.retry_delay().seconds()) + absl::Nanoseconds(info.retry_delay().nanos());
  }
  return std::nullopt;
}

std::optional<absl::Duration> PushbackIn(const std::multimap<grpc::string_ref, grpc::string_ref>& trailers) {
  const auto found = trailers.find(kPushback);
  int64_t milliseconds = 0;
  if (found == trailers.end()) return std::nullopt;
  if (!absl::SimpleAtoi(std::string(found->second.data(), found->second.size()), &milliseconds)) return std::nullopt;
  return absl::Milliseconds(milliseconds);
}

}  // namespace

std::optional<absl::Duration> RetryHint(const grpc::Status& status,
                                        const std::multimap<grpc::string_ref, grpc::string_ref>& trailers) {
  std::optional<absl::Duration> hint = DelayIn(status.error_details());
  if (!hint) hint = PushbackIn(trailers);
  if (!hint || *hint < absl::ZeroDuration()) return std::nullopt;
  return std::min(*hint, kLongestRetryHint);
}

}  // namespace sonde::exporting
