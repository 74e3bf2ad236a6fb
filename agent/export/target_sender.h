#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/export/export_target.h"
#include "agent/export/pending_profiles.h"
#include "agent/export/profile_parts.h"
#include "agent/export/profile_queue.h"
#include "agent/export/protocol.h"
#include "agent/export/push_verdict.h"
#include "agent/export/target_connection.h"
#include "agent/telemetry/loss_ledger.h"
#include "base/backoff.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "profile/encoded_profile.h"

namespace sonde::exporting {

// Stage 5: pushes encoded profiles to one target over its protocol. One push per profile (or per part of one that is
// larger than the target takes, profile_parts.h), or for all of a window where the protocol puts them together; one at
// a time and in order, repeated until the target has settled it:
//   - stored: counted as sent; what the target says that it left out is counted in `losses` ("rejected_in_part");
//   - the target is down, slow or keeps us out (push_verdict.h): the same bytes again after a jittered wait, or after
//     the time that it asks for (retry_hint.h) where that is longer; of several profiles half as many after a time-out;
//   - refused for good: of several profiles half as many are pushed, until the one at fault is alone; that one is
//     counted by code in `losses` with the target's reason, and the next one follows. When the fault may be that of
//     single samples (INVALID_ARGUMENT, or an internal error again and again), the profile is cut in halves, and those
//     that are refused again, until the bad sample is alone: it is left out and the rest delivered. At most
//     kMostRefusals are taken for that, and none as long as the last such search has delivered nothing, since then the
//     fault is one that all samples share.
// Each push of one profile carries the metadata `sonde-instance` (for part n of a profile: `INSTANCE/n`) and
// `sonde-sequence` (decimal), which a resend repeats, so that Sonde's collector counts it once even if an answer got
// lost; where profiles go together their own ids do that. Others have no such key: there an unclear failure may count
// twice.
//
// While the target is down profiles wait in a spool on disk (spool.h), or without one in bounded memory: when that is
// full the oldest is dropped and counted (cause "queue_full"), and what it holds is lost with the process.
// Certificates, keys, passwords and tokens are read from their files again while the sender runs, so that none of this
// is a reason to restart; while one is not usable profiles wait, as for a target that is down.
//
// Owns one thread, "sonde-export". Enqueue and Stats are thread-safe; Start and Stop are the owner's.
class TargetSender {
 public:
  // The wire of a target over a channel to it (null where there is no endpoint). Called on the thread, again for each
  // new channel.
  using MakeProtocol = std::function<std::unique_ptr<Protocol>(const std::shared_ptr<grpc::Channel>& channel)>;

  // `losses` must outlive the sender, and so must `spooled`, from which it takes its profiles; null: it keeps them in
  // memory. Nothing is sent before Start().
  TargetSender(ExportTarget target, MakeProtocol make_protocol, telemetry::LossLedger* losses,
               ProfileQueue* spooled = nullptr);
  // Stops without flushing, unless Stop() was called.
  ~TargetSender();
  TargetSender(const TargetSender&) = delete;
  TargetSender& operator=(const TargetSender&) = delete;

  // Call once.
  void Start();

  // Takes `profile` into memory; never waits. False when it was refused because the sender has stopped (counted).
  // REQUIRES: it does not take from a spool, which is filled once for all targets.
  bool Enqueue(profile::EncodedProfile profile);

  TargetStats Stats() const ABSL_LOCKS_EXCLUDED(mutex_);

  // From the next push on, which is made at once: how the target is trusted and what it is shown. REQUIRES: `target`
  // has the same address as before.
  void SetAccess(ExportTarget target) ABSL_LOCKS_EXCLUDED(mutex_);

  // Sends what waits for at most `flush_deadline`, then cancels the push under way, counts what is left as lost (cause
  // "unsent_at_stop") and joins the thread. Idempotent.
  void Stop(absl::Duration flush_deadline) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Answer {
    grpc::Status status;
    Rejected rejected;
    std::optional<absl::Duration> retry_hint;
  };

  // What a target will not have of a profile.
  struct Refused {
    int refusals = 0;      // for which a part was cut in two
    uint64_t samples = 0;  // left out
    bool is_rest_stored = false;
    std::string cause{}, why{};  // the last one
  };

  // A profile that is pinned, as far as it got.
  struct Open {
    ProfileParts parts;
    bool gave_up_part = false;
    Refused refused{};
  };

  void Run();
  // One push of what is next and what follows from the answer. False once there is nothing left to do.
  bool PushNext();
  // The next part of each of `group_`. A file of the target's that is not usable is UNAUTHENTICATED.
  Answer Push() ABSL_LOCKS_EXCLUDED(mutex_);
  // Connection and protocol, with what the target's files hold now.
  absl::Status Connect() ABSL_LOCKS_EXCLUDED(mutex_);
  // Pins what goes together with the one that is pinned, once all of its window is there, and opens all of it.
  void OpenWindow();
  void PinWindow();
  // What to push together: places in `open_`. Profiles of one series are neighbours, since they share most.
  std::vector<size_t> NextGroup() const;
  // How often the group is pushed while the answer may be its own fault.
  int MostTries() const;
  // The next group has half as many, and each that is stored doubles that.
  void HalveGroup();
  // The group is not taken as it is: half of it is pushed next, or what is alone is cut or given up.
  void HandleRefusal(Verdict verdict, grpc::StatusCode code, const std::string& why) ABSL_LOCKS_EXCLUDED(mutex_);
  // The group is stored.
  void SettleGroup(const Rejected& rejected) ABSL_LOCKS_EXCLUDED(mutex_);
  // A part is stored or given up, the profile when it was the last.
  void SettlePart(size_t place) ABSL_LOCKS_EXCLUDED(mutex_);
  // A part is refused: it is cut in two, or left out.
  void RefusePart(size_t place, grpc::StatusCode code, const std::string& why) ABSL_LOCKS_EXCLUDED(mutex_);
  // Tells what was refused of a profile that is settled. Whether any of it was stored.
  bool TellRefused(const Refused& refused) ABSL_LOCKS_EXCLUDED(mutex_);
  // Counts the profile whose part is given up, once.
  void GiveUpPart(Open* profile, const std::string& cause, const std::string& consequence) ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits, and as long as the server has `asked` for unless the flush has begun; then that would be for ever. Ends when
  // the flush begins or ends. False once it is over.
  bool WaitBeforeRetry(absl::Duration wait, std::optional<absl::Duration> asked) ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteStored() ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteError(const std::string& error) ABSL_LOCKS_EXCLUDED(mutex_);
  void CountDropped(const std::string& cause, const std::string& consequence, size_t count) ABSL_LOCKS_EXCLUDED(mutex_);

  const ExportTarget target_;
  telemetry::LossLedger* const losses_;
  PendingProfiles pending_;
  ProfileQueue* const queue_;  // `pending_` or a spool's
  const MakeProtocol make_protocol_;
  // Of the thread alone.
  ExportTarget access_in_use_;                  // as the connection has it
  std::optional<TargetConnection> connection_;  // always there
  int unanswered_ = 0;                          // pushes in a row over this connection
  std::unique_ptr<Protocol> protocol_;
  base::Backoff backoff_;
  std::vector<ProfilePtr> pinned_;   // in the queue's order
  bool is_window_open_ = false;      // `open_` is of what is pinned, place by place; else of what was pinned last
  std::vector<Open> open_;           //
  std::vector<size_t> group_;        // of the last push
  size_t most_in_group_ = SIZE_MAX;  // less after one that was too much
  int suspect_tries_ = 0;            // of the group: answers that may be its own fault
  bool does_splitting_help_ = true;  // the last search for bad samples has delivered something

  mutable absl::Mutex mutex_;
  bool flushing_ ABSL_GUARDED_BY(mutex_) = false;                // Stop() was called: no long waits any more
  bool aborted_ ABSL_GUARDED_BY(mutex_) = false;                 // the flush is over
  std::optional<ExportTarget> access_ ABSL_GUARDED_BY(mutex_);   // that the thread has not taken yet
  bool running_ ABSL_GUARDED_BY(mutex_) = false;                 // the thread is between Start() and its end
  grpc::ClientContext* call_ ABSL_GUARDED_BY(mutex_) = nullptr;  // the push under way
  TargetStats stats_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace sonde::exporting
