#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "collector/ingest/admission.h"
#include "collector/ingest/push_statistics.h"
#include "collector/ingest/unpack.h"
#include "collector/store/writer.h"

namespace sonde::ingest {

// Metadata by which an agent names a request, the same on every resend: a UUID of the agent's run, and a number that
// is unique within it. Both or neither.
inline constexpr char kInstanceKey[] = "sonde-instance";
inline constexpr char kSequenceKey[] = "sonde-sequence";

// Who is let in, and by which door.
struct Door {
  AdmissionRules rules{};
  std::string certificate_pem{};  // with its key: TLS; without: plain text
  std::string key_pem{};
};

// Receives profiles by gRPC: Pyroscope's push.v1.PusherService, Parca's ProfileStoreService/WriteRaw,
// OpenTelemetry's ProfilesService/Export, and grpc.health.v1.Health. gRPC's threads put requests
// into a bounded queue; one thread ("ingest") checks, decodes and stores them, and answers OK only after the commit.
// INVALID_ARGUMENT: the request itself is wrong. UNAVAILABLE: try again later (queue full, disk full, stopping).
// UNAUTHENTICATED, RESOURCE_EXHAUSTED: as Admission has it.
class PushServer {
 public:
  // Listens on `address` (HOST:PORT, port 0 = any). `writer` and `statistics` must outlive the server. kUnavailable
  // when it cannot.
  static absl::StatusOr<std::unique_ptr<PushServer>> Start(const std::string& address, const Limits& limits,
                                                           store::Writer* writer, PushStatistics* statistics,
                                                           Door door = {});
  virtual ~PushServer() = default;

  virtual int Port() const = 0;
  // Takes no more requests, answers those it has within five seconds, and returns. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace sonde::ingest
