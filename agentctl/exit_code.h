#pragma once

#include "absl/status/status.h"

namespace sonde::agentctl {

// What scripts see. 3 is systemctl's "not running".
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,  // degraded, or the request itself failed (no such process, empty profile, disk full)
  kUsage = 2,
  kNotRunning = 3,
  kNotReachable = 4,  // not permitted, or no answer
  kInterrupted = 130,
};

// Statuses within agentctl follow one rule: kUnavailable = nobody listens, kPermissionDenied and kDeadlineExceeded =
// cannot talk to who listens, kCancelled = Ctrl-C, kInvalidArgument = usage, anything else = the request failed.
inline ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kOk;
    case absl::StatusCode::kInvalidArgument:
      return kUsage;
    case absl::StatusCode::kUnavailable:
      return kNotRunning;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kDeadlineExceeded:
      return kNotReachable;
    case absl::StatusCode::kCancelled:
      return kInterrupted;
    default:
      return kFailed;
  }
}

}  // namespace sonde::agentctl
