#pragma once

#include "absl/status/status.h"
#include "collector/ingest/dialect.h"
#include "google/protobuf/io/zero_copy_stream.h"

namespace sonde::ingest {

// Series, labels and profiles of one request at most: each takes two bytes on the wire and about a hundred in memory.
inline constexpr int kMaxRequestEntries = 65'536;

// Walks the bytes of a push without building it. kInvalidArgument when they are malformed or hold more
// than kMaxRequestEntries, so that a small message cannot grow into gigabytes.
absl::Status CheckWire(google::protobuf::io::ZeroCopyInputStream* bytes, Dialect dialect = Dialect::kPyroscope);

}  // namespace sonde::ingest
