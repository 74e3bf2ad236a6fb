#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/export/backoff.h"
#include "agent/export/export_target.h"
#include "agent/export/pending_profiles.h"
#include "agent/telemetry/loss_ledger.h"
#include "grpcpp/client_context.h"
#include "profile/encoded_profile.h"
#include "proto/push/v1/push.grpc.pb.h"

namespace sonde::exporting {

// Stage 5: pushes encoded profiles to one target by Pyroscope's push.v1.PusherService/Push, which Sonde's collector
// speaks too. One push per profile, one at a time and in order, repeated until the target has settled it:
//   - stored: counted as sent;
//   - the target is down, slow or keeps us out (push_verdict.h): the same bytes again after a jittered wait;
//   - refused for good: given up, counted by code in `losses` with the target's reason, and the next one follows.
// Each push carries the metadata `sonde-instance` and `sonde-sequence` (decimal), which a resend repeats, so that
// Sonde's collector counts a profile once even if an answer got lost. A real Pyroscope has no such key: there an
// unclear failure may count twice.
//
// While the target is down profiles wait in bounded memory; when that is full the oldest is dropped and counted
// (cause "queue_full"). What memory holds is lost with the process: there is no spool on disk.
// The channel is in clear text: TLS and credentials are not offered, so use it on loopback or a trusted network.
//
// Owns one thread, "sonde-export". Enqueue and Stats are thread-safe; Start and Stop are the owner's.
class PyroscopeExporter {
 public:
  // `instance_uuid` names this run of the agent. `losses` must outlive the exporter. Nothing is sent before Start().
  PyroscopeExporter(ExportTarget target, std::string instance_uuid, telemetry::LossLedger* losses);
  // Stops without flushing, unless Stop() was called.
  ~PyroscopeExporter();
  PyroscopeExporter(const PyroscopeExporter&) = delete;
  PyroscopeExporter& operator=(const PyroscopeExporter&) = delete;

  // Call once.
  void Start();

  // Takes `profile`; never waits. False when `profile` was refused because the exporter has stopped (counted).
  bool Enqueue(profile::EncodedProfile profile);

  TargetStats Stats() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Sends what waits for at most `flush_deadline`, then cancels the push under way, counts what is left as lost (cause
  // "unsent_at_stop") and joins the thread. Idempotent.
  void Stop(absl::Duration flush_deadline) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();
  // One push of the oldest profile and what follows from the answer. False once there is nothing left to do.
  bool PushOldest();
  grpc::Status Push(const profile::EncodedProfile& profile) ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether `profile` failed once too often with an answer that may be its own fault.
  bool IsPoison(const profile::EncodedProfile& profile);
  // Waits unless the flush begins or ends. False once it is over.
  bool WaitBeforeRetry(absl::Duration wait) ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteStored() ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteError(const std::string& error) ABSL_LOCKS_EXCLUDED(mutex_);
  void CountDropped(const std::string& cause, const std::string& consequence, size_t count) ABSL_LOCKS_EXCLUDED(mutex_);

  const ExportTarget target_;
  const std::string instance_uuid_;
  telemetry::LossLedger* const losses_;
  PendingProfiles pending_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<push::v1::PusherService::Stub> stub_;
  // Of the thread alone.
  Backoff backoff_;
  uint64_t suspect_sequence_ = 0;
  int suspect_tries_ = 0;

  mutable absl::Mutex mutex_;
  bool flushing_ ABSL_GUARDED_BY(mutex_) = false;                // Stop() was called: no long waits any more
  bool aborted_ ABSL_GUARDED_BY(mutex_) = false;                 // the flush is over
  bool running_ ABSL_GUARDED_BY(mutex_) = false;                 // the thread is between Start() and its end
  grpc::ClientContext* call_ ABSL_GUARDED_BY(mutex_) = nullptr;  // the push under way
  TargetStats stats_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace sonde::exporting
