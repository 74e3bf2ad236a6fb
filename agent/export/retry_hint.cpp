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
constexpr char kRetryAfter[] = "retry-after";

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

// The number in trailer `name`, of this unit.
std::optional<absl::Duration> DelayIn(const std::multimap<grpc::string_ref, grpc::string_ref>& trailers,
                                      const char* name, absl::Duration unit) {
  const auto found = trailers.find(name);
  int64_t number = 0;
  if (found == trailers.end()) return std::nullopt;
  if (!absl::SimpleAtoi(std::string(found->second.data(), found->second.size()), &number)) return std::nullopt;
  return number * unit;
}

}  // namespace

std::optional<absl::Duration> RetryHint(const grpc::Status& status,
                                        const std::multimap<grpc::string_ref, grpc::string_ref>& trailers) {
  std::optional<absl::Duration> hint = DelayIn(status.error_details());
  if (!hint) hint = DelayIn(trailers, kPushback, absl::Milliseconds(1));
  if (!hint) hint = DelayIn(trailers, kRetryAfter, absl::Seconds(1));
  if (!hint || *hint < absl::ZeroDuration()) return std::nullopt;
  return std::min(*hint, kLongestRetryHint);
}

}  // namespace sonde::exporting
