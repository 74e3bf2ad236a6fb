#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/store/writer.h"
#include "proto/push/v1/push.pb.h"

namespace sonde::ingest {

struct Limits {
  size_t max_profile_bytes = size_t{16} << 20;   // of one pprof, uncompressed
  size_t max_request_bytes = size_t{512} << 20;  // of all pprofs of a request together, in memory
};

// Limits of Pyroscope (wire.md 3.3), so that the same agents can push to either.
inline constexpr int kMaxLabels = 30;
inline constexpr size_t kMaxLabelNameBytes = 1024;
inline constexpr size_t kMaxLabelValueBytes = 2048;

// Checks a push from a hostile peer and takes it apart into profiles ready to store: pprofs are decoded whole, time 0
// becomes `now_unix_ns`. None may begin over an hour after that, last for over a day, or have over 32 sample types. The
// kind is ours when name, sample types and period type are; otherwise it is the name itself. kInvalidArgument with
// series, sample and reason; then nothing of it may be stored.
absl::StatusOr<std::vector<store::NewProfile>> Unpack(const ::push::v1::PushRequest& request, const Limits& limits,
                                                      int64_t now_unix_ns);

// Whether a window may be that of a host whose clock is about right. kInvalidArgument otherwise.
absl::Status CheckTimes(const profile::Pprof& pprof, int64_t now_unix_ns);

}  // namespace sonde::ingest
