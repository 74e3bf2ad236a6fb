#include "collector/ingest/push_server.h"

#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <pthread.h>

#include <charconv>
#include <chrono>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/bounded_queue.h"
#include "base/clock.h"
#include "collector/ingest/dialect.h"
#include "collector/ingest/otlp.h"
#include "collector/ingest/wire_check.h"
#include "proto/opentelemetry/proto/collector/profiles/v1development/profiles_service.grpc.pb.h"
#include "proto/parca/profilestore/v1alpha1/profilestore.grpc.pb.h"
#include "proto/push/v1/push.grpc.pb.h"
#include "spdlog/spdlog.h"

namespace sonde::ingest {
namespace {

constexpr int kMaxMessageBytes = 64 << 20;
constexpr size_t kQueueItems = 256;
constexpr size_t kQueueBytes = size_t{128} << 20;
constexpr size_t kTransportBytes = size_t{256} << 20;
constexpr size_t kMaxInstanceBytes = 64;
constexpr char kAuthorizationKey[] = "authorization";
constexpr absl::Duration kStopWithin = absl::Seconds(5);

// How many requests have come and are not yet answered to the last byte.
class InFlight {
 public:
  void Add() {
    absl::MutexLock lock(&mutex_);
    ++count_;
  }
  void Remove() {
    absl::MutexLock lock(&mutex_);
    --count_;
  }
  void AwaitNone(absl::Duration timeout) {
    auto none = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return count_ == 0; };
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&none), timeout);
  }

 private:
  absl::Mutex mutex_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One answer. Deletes itself when gRPC has sent it or has lost the client.
class Reactor : public grpc::ServerUnaryReactor {
 public:
  explicit Reactor(InFlight* in_flight) : in_flight_(*in_flight) { in_flight_.Add(); }
  void OnDone() override {
    InFlight& in_flight = in_flight_;
    delete this;
    in_flight.Remove();
  }

 private:
  InFlight& in_flight_;
};

// One request that waits for the ingest thread. gRPC owns context and buffers until the reactor is done.
struct Request {
  grpc::CallbackServerContext* context = nullptr;
  Reactor* reactor = nullptr;
  const grpc::ByteBuffer* bytes = nullptr;
  grpc::ByteBuffer* answer = nullptr;
  Dialect dialect = Dialect::kPyroscope;
  uint64_t arrived_ns = 0;
};

// What became of a request, and how it is answered.
struct Settled {
  PushOutcome outcome;
  absl::Status status;
  size_t profiles = 0;
  size_t samples = 0;
};

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message().data(), status.message().size()));
}

std::string Metadata(const grpc::CallbackServerContext& context, const char* key) {
  auto found = context.client_metadata().find(key);
  return found == context.client_metadata().end() ? std::string()
                                                  : std::string(found->second.data(), found->second.size());
}

absl::StatusOr<std::optional<store::RequestId>> RequestIdOf(const grpc::CallbackServerContext& context) {
  store::RequestId id;
  id.instance = Metadata(context, kInstanceKey);
  std::string sequence = Metadata(context, kSequenceKey);
  if (id.instance.empty() && sequence.empty()) return std::nullopt;
  if (id.instance.empty() || id.instance.size() > kMaxInstanceBytes) {
    return absl::InvalidArgumentError(absl::StrCat("metadata ", kInstanceKey, " must have 1 to ", kMaxInstanceBytes,
                                                   " characters when ", kSequenceKey, " is given"));
  }
  auto [end, error] = std::from_chars(sequence.data(), sequence.data() + sequence.size(), id.sequence);
  if (error != std::errc() || end != sequence.data() + sequence.size() || id.sequence < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("metadata ", kSequenceKey, " must be a decimal number when ", kInstanceKey, " is given"));
  }
  return id;
}

// What a message brought.
struct Parsed {
  bool is_empty = false;                                      // nothing, in order
  absl::StatusOr<std::vector<store::NewProfile>> profiles{};  // or why they are none
  std::vector<store::RequestId> ids{};                        // by which each profile itself tells a resend
};

absl::StatusOr<OtlpExport> ParseOtlp(const grpc::ByteBuffer& bytes) {
  auto* buffer = const_cast<grpc::ByteBuffer*>(&bytes);
  grpc::ProtoBufferReader walked(buffer);
  if (auto status = CheckOtlpWire(&walked); !status.ok()) return status;
  grpc::ProtoBufferReader reader(buffer);
  OtlpExport request;
  if (request.ParseFromZeroCopyStream(&reader)) return request;
  return absl::InvalidArgumentError("the message is no ExportProfilesServiceRequest, or a string is not valid UTF-8");
}

absl::StatusOr<::push::v1::PushRequest> Parse(const grpc::ByteBuffer& bytes, Dialect dialect) {
  // The readers take the buffer by pointer, and consume nothing of it.
  auto* buffer = const_cast<grpc::ByteBuffer*>(&bytes);
  grpc::ProtoBufferReader walked(buffer);
  if (auto status = CheckWire(&walked, dialect); !status.ok()) return status;
  grpc::ProtoBufferReader reader(buffer);
  return ParsePush(&reader, dialect);
}

absl::StatusOr<Parsed> ParseAny(const grpc::ByteBuffer& bytes, Dialect dialect, const Limits& limits) {
  if (dialect == Dialect::kOtlp) {
    auto request = ParseOtlp(bytes);
    if (!request.ok()) return request.status();
    return Parsed{request->resource_profiles().empty(), UnpackOtlp(*request, limits, base::WallNs()),
                  OtlpProfileIds(*request)};
  }
  auto request = Parse(bytes, dialect);
  if (!request.ok()) return request.status();
  return Parsed{request->series().empty(), Unpack(*request, limits, base::WallNs()), {}};
}

// Takes requests in, whatever their dialect.
class Intake {
 public:
  Intake(Admission* admission, base::BoundedQueue<Request>* queue, InFlight* in_flight, PushStatistics* statistics)
      : admission_(*admission), queue_(*queue), in_flight_(*in_flight), statistics_(*statistics) {}

  grpc::ServerUnaryReactor* Take(Request request) {
    auto* reactor = new Reactor(&in_flight_);
    const size_t bytes = request.bytes->Length();
    statistics_.Arrive(bytes);
    request.reactor = reactor;
    request.arrived_ns = base::MonotonicNs();
    auto admitted = admission_.Admit(Metadata(*request.context, kAuthorizationKey), request.context->peer(), bytes,
                                     static_cast<int64_t>(request.arrived_ns));
    if (!admitted.ok()) {
      const bool is_stranger = absl::IsUnauthenticated(admitted);
      statistics_.Refuse(is_stranger ? PushOutcome::kStranger : PushOutcome::kOverQuota);
      reactor->Finish(ToGrpc(admitted));
      return reactor;
    }
    if (!queue_.TryPush(std::move(request), bytes)) {
      statistics_.Refuse(PushOutcome::kBusy);
      reactor->Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE,
                                   "the collector is stopping or has as many requests waiting as it may hold; try "
                                   "again later"));
    }
    return reactor;
  }

 private:
  Admission& admission_;
  base::BoundedQueue<Request>& queue_;
  InFlight& in_flight_;
  PushStatistics& statistics_;
};

// All take each message as bytes, so that parsing errors are answered with a reason and happen on our thread.
class PushService : public ::push::v1::PusherService::WithRawCallbackMethod_Push<::push::v1::PusherService::Service> {
 public:
  explicit PushService(Intake* intake) : intake_(*intake) {}

  grpc::ServerUnaryReactor* Push(grpc::CallbackServerContext* context, const grpc::ByteBuffer* bytes,
                                 grpc::ByteBuffer* answer) override {
    return intake_.Take({.context = context, .bytes = bytes, .answer = answer, .dialect = Dialect::kPyroscope});
  }

 private:
  Intake& intake_;
};

namespace parca = ::parca::profilestore::v1alpha1;

class ParcaService
    : public parca::ProfileStoreService::WithRawCallbackMethod_WriteRaw<parca::ProfileStoreService::Service> {
 public:
  explicit ParcaService(Intake* intake) : intake_(*intake) {}

  grpc::ServerUnaryReactor* WriteRaw(grpc::CallbackServerContext* context, const grpc::ByteBuffer* bytes,
                                     grpc::ByteBuffer* answer) override {
    return intake_.Take({.context = context, .bytes = bytes, .answer = answer, .dialect = Dialect::kParca});
  }

 private:
  Intake& intake_;
};

namespace collector_v1 = ::opentelemetry::proto::collector::profiles::v1development;

class OtlpService
    : public collector_v1::ProfilesService::WithRawCallbackMethod_Export<collector_v1::ProfilesService::Service> {
 public:
  explicit OtlpService(Intake* intake) : intake_(*intake) {}

  grpc::ServerUnaryReactor* Export(grpc::CallbackServerContext* context, const grpc::ByteBuffer* bytes,
                                   grpc::ByteBuffer* answer) override {
    return intake_.Take({.context = context, .bytes = bytes, .answer = answer, .dialect = Dialect::kOtlp});
  }

 private:
  Intake& intake_;
};

class Server : public PushServer {
 public:
  Server(const Limits& limits, store::Writer* writer, PushStatistics* statistics, Door door)
      : limits_(limits),
        door_(std::move(door)),
        admission_(door_.rules),
        writer_(*writer),
        statistics_(*statistics),
        queue_(kQueueItems, kQueueBytes),
        intake_(&admission_, &queue_, &in_flight_, statistics),
        service_(&intake_),
        parca_service_(&intake_),
        otlp_service_(&intake_) {}
  ~Server() override { Server::Stop(); }

  absl::Status Listen(const std::string& address) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    grpc::ResourceQuota quota("ingest");
    builder.SetResourceQuota(quota.Resize(kTransportBytes));
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    // Otherwise two collectors would share a port, and each would get some of the profiles.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddListeningPort(address, Credentials(), &port_);
    builder.RegisterService(&service_);
    builder.RegisterService(&parca_service_);
    builder.RegisterService(&otlp_service_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return absl::UnavailableError(absl::StrCat(
          "cannot listen for gRPC on ", address, ": the port is in use or the address is not this host's",
          door_.key_pem.empty() ? "" : ", or the certificate and its key are none or do not belong together",
          "; choose another with --grpc-listen"));
    }
    worker_ = std::thread([this] { Work(); });
    pthread_setname_np(worker_.native_handle(), "ingest");
    return absl::OkStatus();
  }

  int Port() const override { return port_; }

  void Stop() override {
    queue_.Close();  // later requests are answered UNAVAILABLE
    if (worker_.joinable()) worker_.join();
    // By ourselves: gRPC's own waiting lasts until idle clients hang up, too.
    in_flight_.AwaitNone(kStopWithin);
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

 private:
  std::shared_ptr<grpc::ServerCredentials> Credentials() const {
    if (door_.key_pem.empty()) return grpc::InsecureServerCredentials();
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({door_.key_pem, door_.certificate_pem});
    return grpc::SslServerCredentials(options);
  }

  void Work() {
    while (auto request = queue_.Pop(absl::InfiniteDuration())) {
      const Settled settled = Handle(*request);
      // Before the answer: who has it finds it counted.
      statistics_.Settle(settled.outcome,
                         absl::Nanoseconds(static_cast<int64_t>(base::MonotonicNs() - request->arrived_ns)),
                         settled.profiles, settled.samples);
      // An empty buffer is an empty response of any dialect.
      *request->answer = grpc::ByteBuffer(nullptr, 0);
      request->reactor->Finish(ToGrpc(settled.status));
    }
  }

  Settled Handle(const Request& request) {
    if (request.context->IsCancelled())
      return {PushOutcome::kCancelled, absl::CancelledError("the client did not wait")};
    auto id = RequestIdOf(*request.context);
    if (!id.ok()) return Refused(PushOutcome::kBadKey, id.status());
    auto parsed = ParseAny(*request.bytes, request.dialect, limits_);
    if (!parsed.ok()) return Refused(PushOutcome::kBadMessage, parsed.status());
    // No series: nobody's fault, but how agents ask whether they are let in.
    if (parsed->is_empty) return {PushOutcome::kEmpty, parsed->profiles.status()};
    if (!parsed->profiles.ok()) return Refused(PushOutcome::kBadProfile, parsed->profiles.status());
    return Store(*parsed->profiles, *id, parsed->ids);
  }

  Settled Store(const std::vector<store::NewProfile>& profiles, const std::optional<store::RequestId>& id,
                const std::vector<store::RequestId>& ids) {
    const absl::StatusOr<std::vector<size_t>> stored =
        id.has_value() || ids.empty() ? StoreWhole(profiles, id) : writer_.AppendNew(profiles, ids);
    if (!stored.ok()) {
      spdlog::error("msg=\"a push of {} profiles was not stored; the agent will send it again\" reason=\"{}\"",
                    profiles.size(), std::string(stored.status().message()));
      return {PushOutcome::kStoreFailed, stored.status()};
    }
    if (stored->empty() && !profiles.empty()) return {PushOutcome::kDuplicate, absl::OkStatus()};
    Settled settled{PushOutcome::kStored, absl::OkStatus(), stored->size()};
    for (size_t place : *stored) settled.samples += static_cast<size_t>(profiles[place].pprof.sample_size());
    return settled;
  }

  // Which of them were stored: all or none.
  absl::StatusOr<std::vector<size_t>> StoreWhole(const std::vector<store::NewProfile>& profiles,
                                                 const std::optional<store::RequestId>& id) {
    const absl::StatusOr<store::Outcome> outcome = writer_.Append(profiles, id);
    if (!outcome.ok()) return outcome.status();
    std::vector<size_t> stored(*outcome == store::Outcome::kStored ? profiles.size() : 0);
    std::iota(stored.begin(), stored.end(), size_t{0});
    return stored;
  }

  static Settled Refused(PushOutcome outcome, const absl::Status& status) {
    spdlog::warn("msg=\"a push was refused\" reason=\"{}\"", std::string(status.message()));
    return {outcome, status};
  }

  const Limits limits_;
  const Door door_;
  Admission admission_;
  store::Writer& writer_;
  PushStatistics& statistics_;
  base::BoundedQueue<Request> queue_;
  InFlight in_flight_;
  Intake intake_;
  PushService service_;
  ParcaService parca_service_;
  OtlpService otlp_service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::thread worker_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PushServer>> PushServer::Start(const std::string& address, const Limits& limits,
                                                              store::Writer* writer, PushStatistics* statistics,
                                                              Door door) {
  auto server = std::make_unique<Server>(limits, writer, statistics, std::move(door));
  if (auto status = server->Listen(address); !status.ok()) return status;
  return server;
}

}  // namespace sonde::ingest
