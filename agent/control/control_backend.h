#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "proto/sonde/control/v1/control.pb.h"

namespace sonde::control {

// True once nobody waits for the answer any more (client gone, agent stopping). Cheap; callable from any thread for as
// long as the call that got it runs.
using Cancelled = std::function<bool()>;

// What the control socket answers with; implemented by app/. Thread-safe: called from several threads at once. Requests
// arrive in range: durations at most 10 minutes, `kind` one of profile::Kind's words. All but Status, Settings,
// Targets, Explain, Dump and Check take as long as the requested duration and look at `cancelled` at least ten times a
// second. Errors reach the user as they are: kNotFound for a process that does not exist, kUnavailable while there is
// nothing to show yet.
class ControlBackend {
 public:
  virtual ~ControlBackend() = default;

  virtual v1::StatusReply Status() = 0;
  virtual absl::StatusOr<v1::AccountReply> Account(const v1::AccountRequest& request, const Cancelled& cancelled) = 0;
  virtual absl::StatusOr<v1::TopReply> Top(const v1::TopRequest& request, const Cancelled& cancelled) = 0;
  virtual absl::StatusOr<v1::WaitsReply> Waits(const v1::WaitsRequest& request, const Cancelled& cancelled) = 0;
  virtual absl::StatusOr<v1::PeersReply> Peers(const v1::PeersRequest& request, const Cancelled& cancelled) = 0;
  virtual absl::StatusOr<v1::LocksReply> Locks(const v1::LocksRequest& request, const Cancelled& cancelled) = 0;
  virtual absl::StatusOr<v1::DisksReply> Disks(const v1::DisksRequest& request, const Cancelled& cancelled) = 0;
  virtual absl::StatusOr<v1::SaturationReply> Saturation(const v1::SaturationRequest& request,
                                                         const Cancelled& cancelled) = 0;
  virtual absl::StatusOr<v1::TargetsReply> Targets(const v1::TargetsRequest& request, const Cancelled& cancelled) = 0;
  virtual absl::StatusOr<v1::ExplainReply> Explain(const v1::ExplainRequest& request) = 0;
  virtual absl::StatusOr<v1::DumpReply> Dump(const v1::DumpRequest& request, const Cancelled& cancelled) = 0;
  virtual absl::StatusOr<v1::RecordReply> Record(const v1::RecordRequest& request, const Cancelled& cancelled) = 0;
  // Takes until the process ends; calls `begun` once.
  virtual absl::StatusOr<v1::RecordReply> RecordCommand(const v1::RecordRequest& request,
                                                        const std::function<void()>& begun,
                                                        const Cancelled& cancelled) = 0;
  virtual v1::SettingsReply Settings() = 0;
  virtual v1::CheckReply Check() = 0;
};

}  // namespace sonde::control
