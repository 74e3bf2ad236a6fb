#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "agent/export/debuginfo_source.h"
#include "agent/export/debuginfo_upload.h"
#include "agent/export/export_target.h"
#include "agent/export/target_connection.h"
#include "agent/model/executable_file.h"
#include "agent/telemetry/loss_ledger.h"
#include "base/backoff.h"

namespace sonde::exporting {

// Gives Parca's server the debug information that it asks for, so that it can name functions that this host cannot.
// It is asked about each build id that profiles have met, once in a run of the agent (and once for each file, until one
// has something to give); what failed is tried again after five minutes, and given up after five times. One file at a
// time, at most so fast (DebuginfoLimits), over a connection of its own: profiles never wait for it. What is given up
// is counted in the ledger ("debuginfo_refused"); it costs no profile anything.
//
// Owns one thread, "sonde-debuginfo". Offer, SetAccess and Stats are thread-safe; Start and Stop are the owner's.
class DebuginfoUploader {
 public:
  // `source` and `losses` must outlive this.
  DebuginfoUploader(ExportTarget target, DebuginfoLimits limits, const DebuginfoSource* source,
                    telemetry::LossLedger* losses);
  ~DebuginfoUploader() { Stop(); }
  DebuginfoUploader(const DebuginfoUploader&) = delete;
  DebuginfoUploader& operator=(const DebuginfoUploader&) = delete;

  // Call once.
  void Start();
  // Ends what is under way, and joins the thread. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes note of those not known yet, or due again; never waits. What finds no room comes with a later window.
  void Offer(std::span<const model::ExecutableFilePtr> files) ABSL_LOCKS_EXCLUDED(mutex_);

  // As TargetSender::SetAccess(), from the next file on.
  void SetAccess(ExportTarget target) ABSL_LOCKS_EXCLUDED(mutex_);

  DebuginfoStats Stats() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Known {
    bool is_waiting = false;
    absl::Time next_offer = absl::InfiniteFuture();
    int failures = 0;
  };

  void Run();
  // The next file; null once stopped.
  model::ExecutableFilePtr Next() ABSL_LOCKS_EXCLUDED(mutex_);
  void Handle(const model::ExecutableFile& file);
  // Whether this build id was asked about under another file; notes that it is, else.
  bool WasAskedAbout(const std::string& build_id, const model::ExecutableFile& file) ABSL_LOCKS_EXCLUDED(mutex_);
  DebuginfoResult OfferToServer(const std::string& build_id, const model::ExecutableFile& file);
  void Note(const std::string& build_id, const model::ExecutableFile& file, const DebuginfoResult& result)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // What `result` for a build id makes of `known`. True when the file is given up.
  bool Settle(const std::string& build_id, const DebuginfoResult& result, Known* known)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ExportTarget target_;
  const DebuginfoLimits limits_;
  const DebuginfoSource* const source_;
  telemetry::LossLedger* const losses_;
  CallGate gate_;
  // Of the thread alone.
  std::optional<TargetConnection> connection_;  // always there
  std::unique_ptr<DebuginfoUpload> upload_;
  base::Backoff backoff_;

  mutable absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_off_ ABSL_GUARDED_BY(mutex_) = false;  // the server knows nothing of this
  std::deque<model::ExecutableFilePtr> queue_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<model::FileIdentity, Known> known_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, model::FileIdentity> asked_ ABSL_GUARDED_BY(mutex_);  // by build id
  std::optional<ExportTarget> access_ ABSL_GUARDED_BY(mutex_);  // that the thread has not taken yet
  DebuginfoStats stats_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace sonde::exporting
