#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/ingest/unpack.h"
#include "collector/store/writer.h"
#include "google/protobuf/io/zero_copy_stream.h"
#include "proto/opentelemetry/proto/collector/profiles/v1development/profiles_service.pb.h"

namespace sonde::ingest {

using OtlpExport = ::opentelemetry::proto::collector::profiles::v1development::ExportProfilesServiceRequest;

// Messages and strings of one request at most: each takes two bytes on the wire and about a hundred in memory.
inline constexpr int kMaxOtlpEntries = 1 << 20;

// As CheckWire(), by the fields that the message has.
absl::Status CheckOtlpWire(google::protobuf::io::ZeroCopyInputStream* bytes);

// Checks OpenTelemetry's profiles (as of opentelemetry-proto 1.10 and 1.11; others number the fields otherwise) from a
// hostile peer and makes them ready to store. Each is of one type and becomes a kind of that name, "otlp:off_cpu";
// samples that count ticks of a clock get the time as a second value. Attributes of the resource become labels of the
// series, those of samples labels of samples, under the names that our own agent has where it has one. Limits and
// errors as Unpack().
absl::StatusOr<std::vector<store::NewProfile>> UnpackOtlp(const OtlpExport& request, const Limits& limits,
                                                          int64_t now_unix_ns);

// What tells resends: the id of each profile, in the order of UnpackOtlp(), since a resend may come with other profiles
// than before. Empty when one has none, or two have the same: then nothing tells them.
std::vector<store::RequestId> OtlpProfileIds(const OtlpExport& request);

}  // namespace sonde::ingest
