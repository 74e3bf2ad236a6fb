#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "agentctl/call.h"
#include "proto/sonde/control/v1/control.grpc.pb.h"

namespace sonde::agentctl {

namespace v1 = ::sonde::control::v1;

// One connection to the agent's control socket. Statuses follow exit_code.h; texts say what, why and what to do. Calls
// wait for the answer, at most their duration and some seconds more. For one thread.
class Client {
 public:
  // kUnavailable: no socket, or nobody behind it. kPermissionDenied: the socket's mode keeps us out.
  static absl::StatusOr<Client> Connect(const std::string& socket_path);

  absl::StatusOr<v1::StatusReply> Status();
  absl::StatusOr<v1::AccountReply> Account(const v1::AccountRequest& request, const Tick& tick);
  absl::StatusOr<v1::TopReply> Top(const v1::TopRequest& request, const Tick& tick);
  absl::StatusOr<v1::WaitsReply> Waits(const v1::WaitsRequest& request, const Tick& tick);
  absl::StatusOr<v1::PeersReply> Peers(const v1::PeersRequest& request, const Tick& tick);
  absl::StatusOr<v1::LocksReply> Locks(const v1::LocksRequest& request, const Tick& tick);
  absl::StatusOr<v1::DisksReply> Disks(const v1::DisksRequest& request, const Tick& tick);
  absl::StatusOr<v1::SaturationReply> Saturation(const v1::SaturationRequest& request, const Tick& tick);
  absl::StatusOr<v1::TargetsReply> Targets(const v1::TargetsRequest& request);
  absl::StatusOr<v1::ExplainReply> Explain(const v1::ExplainRequest& request);
  absl::StatusOr<v1::DumpReply> Dump(const v1::DumpRequest& request);
  absl::StatusOr<v1::SettingsReply> Settings();
  absl::StatusOr<v1::CheckReply> Check();
  // Records process `request.pid()` and its children, from when `run` is called until that process has ended, as `run`
  // waits for. Its error is given back, and then nothing is recorded.
  absl::StatusOr<v1::RecordReply> RecordCommand(const v1::RecordRequest& request,
                                                const std::function<absl::Status()>& run);
  absl::StatusOr<v1::RecordReply> Record(const v1::RecordRequest& request, const Tick& tick);

 private:
  explicit Client(std::shared_ptr<grpc::Channel> channel);

  std::unique_ptr<v1::Control::Stub> stub_;
};

}  // namespace sonde::agentctl
