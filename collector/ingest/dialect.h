#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "google/protobuf/io/zero_copy_stream.h"
#include "proto/push/v1/push.pb.h"

namespace sonde::ingest {

// Services by which profiles come. Both push series of labels and pprofs.
enum class Dialect : uint8_t {
  kPyroscope,  // push.v1.PusherService/Push
  kParca,      // parca.profilestore.v1alpha1.ProfileStoreService/WriteRaw
};

// A message of either as Pyroscope's. kInvalidArgument when it is none.
absl::StatusOr<::push::v1::PushRequest> ParsePush(google::protobuf::io::ZeroCopyInputStream* bytes, Dialect dialect);

}  // namespace sonde::ingest
