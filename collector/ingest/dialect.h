#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "google/protobuf/io/zero_copy_stream.h"
#include "proto/push/v1/push.pb.h"

namespace sonde::ingest {

// Services by which profiles come. The first two push series of labels and pprofs.
enum class Dialect : uint8_t {
  kPyroscope,  // push.v1.PusherService/Push
  kParca,      // parca.profilestore.v1alpha1.ProfileStoreService/WriteRaw
  kOtlp,       // opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export; see otlp.h
};

// A message of either of those as Pyroscope's. kInvalidArgument when it is none.
absl::StatusOr<::push::v1::PushRequest> ParsePush(google::protobuf::io::ZeroCopyInputStream* bytes, Dialect dialect);

}  // namespace sonde::ingest
