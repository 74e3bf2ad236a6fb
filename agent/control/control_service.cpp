#include "agent/control/control_service.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "profile/kind.h"
#include "profile/reason.h"

namespace sonde::control {
namespace {

// On the wire UNAVAILABLE means that the agent itself is gone, so a backend's kUnavailable ("nothing to show yet")
// travels as FAILED_PRECONDITION.
grpc::Status ToGrpc(const absl::Status& status) {
  const auto code = absl::IsUnavailable(status) ? grpc::StatusCode::FAILED_PRECONDITION
                                                : static_cast<grpc::StatusCode>(status.code());
  return grpc::Status(code, std::string(status.message()));
}

template <typename Reply>
grpc::Status Answer(absl::StatusOr<Reply> result, Reply* reply) {
  if (!result.ok()) return ToGrpc(result.status());
  *reply = *std::move(result);
  return grpc::Status::OK;
}

grpc::Status Invalid(const std::string& text) { return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, text); }

grpc::Status CheckKind(const std::string& kind) {
  if (profile::ParseKind(kind)) return grpc::Status::OK;
  return Invalid(absl::StrCat("the kind must be ", std::string(profile::KindNames())));
}

grpc::Status CheckReason(const std::string& reason) {
  if (reason.empty() || profile::ParseReason(reason)) return grpc::Status::OK;
  return Invalid("unknown reason to wait");
}

// Of the requests that can ask for the past; 0: it is not asked for.
template <typename Request>
uint64_t SinceNs(const Request& request) {
  if constexpr (requires { request.since_ns(); }) return request.since_ns();
  return 0;
}

template <typename Request>
uint64_t BeforeNs(const Request& request) {
  if constexpr (requires { request.before_ns(); }) return request.before_ns();
  return 0;
}

grpc::Status CheckInterval(uint64_t duration_ns, uint64_t since_ns, uint64_t before_ns) {
  constexpr auto kMost = static_cast<uint64_t>(kMaxRequestNs);
  if (duration_ns > kMost) return Invalid("the duration is longer than 10 minutes");
  if (since_ns > kMost) return Invalid("no more than the last 10 minutes are kept");
  if (before_ns != 0 && before_ns >= since_ns) return Invalid("what is asked of the past must end after it begins");
  if (duration_ns == 0 && since_ns == 0) return Invalid("the duration must be more than 0");
  if (duration_ns != 0 && since_ns != 0)
    return Invalid("a duration from now on and a time back from now exclude each other");
  return grpc::Status::OK;
}

// One of the kMaxMeasuring places, for as long as it lives.
class Place {
 public:
  explicit Place(std::atomic<int>* taken) : taken_(taken), has_(taken->fetch_add(1) < kMaxMeasuring) {}
  ~Place() { taken_->fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  bool Has() const { return has_; }

 private:
  std::atomic<int>* const taken_;
  const bool has_;
};

grpc::Status Busy() {
  return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                      absl::StrCat(kMaxMeasuring, " measurements run already: wait until one of them has ended"));
}

}  // namespace

Cancelled ControlService::CancelledOf(grpc::ServerContext* context) const {
  return [this, context] { return stopping_ || context->IsCancelled(); };
}

grpc::Status ControlService::Status(grpc::ServerContext*, const v1::StatusRequest*, v1::StatusReply* reply) {
  *reply = backend_->Status();
  return grpc::Status::OK;
}

template <typename Request, typename Reply>
grpc::Status ControlService::Measure(grpc::ServerContext* context, const Request& request, Reply* reply,
                                     absl::StatusOr<Reply> (ControlBackend::*measure)(const Request&, const Cancelled&),
                                     const grpc::Status& checked) {
  if (grpc::Status interval = CheckInterval(request.duration_ns(), SinceNs(request), BeforeNs(request)); !interval.ok())
    return interval;
  if (!checked.ok()) return checked;
  const Place place(&measuring_);
  if (!place.Has()) return Busy();
  return Answer((backend_->*measure)(request, CancelledOf(context)), reply);
}

grpc::Status ControlService::Account(grpc::ServerContext* context, const v1::AccountRequest* request,
                                     v1::AccountReply* reply) {
  // The last window is there already and costs no measurement.
  if (request->duration_ns() == 0 && request->since_ns() == 0)
    return Answer(backend_->Account(*request, CancelledOf(context)), reply);
  return Measure(context, *request, reply, &ControlBackend::Account);
}

grpc::Status ControlService::Top(grpc::ServerContext* context, const v1::TopRequest* request, v1::TopReply* reply) {
  return Measure(context, *request, reply, &ControlBackend::Top, CheckKind(request->kind()));
}

grpc::Status ControlService::Waits(grpc::ServerContext* context, const v1::WaitsRequest* request,
                                   v1::WaitsReply* reply) {
  return Measure(context, *request, reply, &ControlBackend::Waits, CheckReason(request->reason()));
}

grpc::Status ControlService::Peers(grpc::ServerContext* context, const v1::PeersRequest* request,
                                   v1::PeersReply* reply) {
  return Measure(context, *request, reply, &ControlBackend::Peers);
}

grpc::Status ControlService::Locks(grpc::ServerContext* context, const v1::LocksRequest* request,
                                   v1::LocksReply* reply) {
  return Measure(context, *request, reply, &ControlBackend::Locks);
}

grpc::Status ControlService::Disks(grpc::ServerContext* context, const v1::DisksRequest* request,
                                   v1::DisksReply* reply) {
  return Measure(context, *request, reply, &ControlBackend::Disks);
}

grpc::Status ControlService::Saturation(grpc::ServerContext* context, const v1::SaturationRequest* request,
                                        v1::SaturationReply* reply) {
  return Measure(context, *request, reply, &ControlBackend::Saturation);
}

grpc::Status ControlService::Targets(grpc::ServerContext* context, const v1::TargetsRequest* request,
                                     v1::TargetsReply* reply) {
  const Place place(&measuring_);
  if (!place.Has()) return Busy();
  return Answer(backend_->Targets(*request, CancelledOf(context)), reply);
}

grpc::Status ControlService::Explain(grpc::ServerContext*, const v1::ExplainRequest* request, v1::ExplainReply* reply) {
  const Place place(&measuring_);
  if (!place.Has()) return Busy();
  return Answer(backend_->Explain(*request), reply);
}

grpc::Status ControlService::Dump(grpc::ServerContext* context, const v1::DumpRequest* request, v1::DumpReply* reply) {
  const Place place(&measuring_);
  if (!place.Has()) return Busy();
  return Answer(backend_->Dump(*request, CancelledOf(context)), reply);
}

grpc::Status ControlService::Record(grpc::ServerContext* context, const v1::RecordRequest* request,
                                    v1::RecordReply* reply) {
  return Measure(context, *request, reply, &ControlBackend::Record, CheckKind(request->kind()));
}

grpc::Status ControlService::RecordCommand(grpc::ServerContext* context, const v1::RecordRequest* request,
                                           grpc::ServerWriter<v1::RecordReply>* replies) {
  if (grpc::Status kind = CheckKind(request->kind()); !kind.ok()) return kind;
  if (request->pid() == 0) return Invalid("the command's process id is missing");
  const Place place(&measuring_);
  if (!place.Has()) return Busy();
  const auto begun = [replies] { replies->Write(v1::RecordReply()); };
  const absl::StatusOr<v1::RecordReply> reply = backend_->RecordCommand(*request, begun, CancelledOf(context));
  if (!reply.ok()) return ToGrpc(reply.status());
  replies->Write(*reply);
  return grpc::Status::OK;
}

grpc::Status ControlService::Settings(grpc::ServerContext*, const v1::SettingsRequest*, v1::SettingsReply* reply) {
  *reply = backend_->Settings();
  return grpc::Status::OK;
}

grpc::Status ControlService::Check(grpc::ServerContext*, const v1::CheckRequest*, v1::CheckReply* reply) {
  const Place place(&measuring_);
  if (!place.Has()) return Busy();
  *reply = backend_->Check();
  return grpc::Status::OK;
}

}  // namespace sonde::control
