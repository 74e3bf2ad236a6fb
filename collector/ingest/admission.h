#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace sonde::ingest {

// Who may push, and how much.
struct AdmissionRules {
  std::string token{};                 // "authorization: Bearer TOKEN" must say it; empty = anybody may
  size_t sender_bytes_per_minute = 0;  // of messages from one address; 0 = no limit
};

// Decides about pushes before anything of them is read. Thread-safe.
class Admission {
 public:
  explicit Admission(AdmissionRules rules) : rules_(std::move(rules)) {}

  // About a message of `bytes` from `peer` (gRPC's "ipv4:HOST:PORT"; the port does not matter). kUnauthenticated for a
  // wrong token; kResourceExhausted when this sender has used what it may within a minute, with when it may go on.
  absl::Status Admit(std::string_view authorization, std::string_view peer, size_t bytes, int64_t now_ns)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Fills at the rate of the quota, up to a minute's worth.
  struct Bucket {
    double bytes = 0;
    int64_t at_ns = 0;
  };
  absl::Status TakeFrom(Bucket* bucket, size_t bytes, int64_t now_ns) const;
  Bucket* BucketOf(std::string_view sender, int64_t now_ns) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const AdmissionRules rules_;
  absl::Mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_ ABSL_GUARDED_BY(mutex_);  // by sender
};

}  // namespace sonde::ingest
