#pragma once

#include <atomic>

#include "absl/synchronization/mutex.h"
#include "agent/control/control_backend.h"
#include "proto/sonde/control/v1/control.grpc.pb.h"

namespace sonde::control {

inline constexpr int64_t kMaxRequestNs = 600'000'000'000;
inline constexpr int kMaxMeasuring = 4;

// Checks requests and passes them to the backend. Called by gRPC from several threads.
class ControlService : public v1::Control::Service {
 public:
  // `backend` must outlive the service.
  explicit ControlService(ControlBackend* backend) : backend_(backend) {}

  // From now on calls under way are cancelled.
  void Stop() { stopping_ = true; }

  grpc::Status Status(grpc::ServerContext* context, const v1::StatusRequest* request, v1::StatusReply* reply) override;
  grpc::Status Account(grpc::ServerContext* context, const v1::AccountRequest* request,
                       v1::AccountReply* reply) override;
  grpc::Status Top(grpc::ServerContext* context, const v1::TopRequest* request, v1::TopReply* reply) override;
  grpc::Status Waits(grpc::ServerContext* context, const v1::WaitsRequest* request, v1::WaitsReply* reply) override;
  grpc::Status Peers(grpc::ServerContext* context, const v1::PeersRequest* request, v1::PeersReply* reply) override;
  grpc::Status Locks(grpc::ServerContext* context, const v1::LocksRequest* request, v1::LocksReply* reply) override;
  grpc::Status Disks(grpc::ServerContext* context, const v1::DisksRequest* request, v1::DisksReply* reply) override;
  grpc::Status Saturation(grpc::ServerContext* context, const v1::SaturationRequest* request,
                          v1::SaturationReply* reply) override;
  grpc::Status Targets(grpc::ServerContext* context, const v1::TargetsRequest* request,
                       v1::TargetsReply* reply) override;
  grpc::Status Explain(grpc::ServerContext* context, const v1::ExplainRequest* request,
                       v1::ExplainReply* reply) override;
  grpc::Status Dump(grpc::ServerContext* context, const v1::DumpRequest* request, v1::DumpReply* reply) override;
  grpc::Status Record(grpc::ServerContext* context, const v1::RecordRequest* request, v1::RecordReply* reply) override;
  grpc::Status RecordCommand(grpc::ServerContext* context, const v1::RecordRequest* request,
                             grpc::ServerWriter<v1::RecordReply>* replies) override;
  grpc::Status Settings(grpc::ServerContext* context, const v1::SettingsRequest* request,
                        v1::SettingsReply* reply) override;
  grpc::Status Check(grpc::ServerContext* context, const v1::CheckRequest* request, v1::CheckReply* reply) override;

 private:
  Cancelled CancelledOf(grpc::ServerContext* context) const;
  // Has the backend `measure`, unless the duration or what was `checked` beside it is wrong, or too many measure.
  template <typename Request, typename Reply>
  grpc::Status Measure(grpc::ServerContext* context, const Request& request, Reply* reply,
                       absl::StatusOr<Reply> (ControlBackend::*measure)(const Request&, const Cancelled&),
                       const grpc::Status& checked = grpc::Status::OK);

  ControlBackend* const backend_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> measuring_ = 0;
};

}  // namespace sonde::control
