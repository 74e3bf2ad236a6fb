#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/app/capture_thread.h"
#include "agent/app/code_tables.h"
#include "agent/app/control_answers.h"
#include "agent/app/debuginfo_files.h"
#include "agent/app/pipeline.h"
#include "agent/app/pod_names.h"
#include "agent/app/settings.h"
#include "agent/app/shared_series_rules.h"
#include "agent/app/status_board.h"
#include "agent/control/control_server.h"
#include "agent/export/debuginfo_uploader.h"
#include "agent/export/spool.h"
#include "agent/export/target_sender.h"
#include "agent/telemetry/loss_ledger.h"
#include "agent/telemetry/metrics_server.h"

namespace sonde::app {

// The composition root: builds the rooms, wires them, starts them from the sink to the source and stops them from the
// source to the sink. The way of the data: CaptureThread → Pipeline → senders.
class Agent {
 public:
  // `on_failure` is called once, from any thread, when the agent cannot go on; the owner then calls Stop(). `load`
  // reads the settings as they are now; any thread.
  Agent(control::Config config, std::string version, std::function<void()> on_failure,
        std::function<absl::StatusOr<control::Config>()> load);
  ~Agent();  // as Stop()

  // Checks what the kernel and the rights allow, then starts everything. kPermissionDenied: a right is missing;
  // kUnimplemented: the kernel lacks something; kFailedPrecondition: the spool's folder is not ours.
  // All say what to do.
  absl::Status Start();

  // Closes the running window, sends what waits for at most five seconds, joins all threads. Idempotent.
  void Stop();

  // Puts in force what can be of settings that were read again; an error leaves those that are. Says in the log what
  // was taken and what wants a restart. Call between Start() and Stop(), from the owner's thread.
  void Reload(const absl::StatusOr<control::Config>& read);

  // The thread that has not come on for so long that nothing but a new start helps, and since when, in words for the
  // log; empty: all do. It is never a target that is at fault. Call between Start() and Stop().
  std::string Stuck() const;

  // How it goes, in one line for people.
  std::string StatusLine() const;

  // Why on_failure was called; OK otherwise.
  absl::Status Failure() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Fail(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status ServeMetrics();
  absl::Status SetSeriesRules(const control::Config& config);
  absl::Status StartExport(const std::string& instance_uuid);
  // What is degraded by it; empty: nothing.
  std::string StartDebuginfod();
  std::vector<exporting::TargetStats> TargetStats() const;

  const control::Config config_;  // as it started
  Settings settings_;
  const std::string version_;
  const std::function<void()> on_failure_;
  const std::function<absl::StatusOr<control::Config>()> load_;
  const uint64_t start_ns_;
  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);

  telemetry::LossLedger losses_;
  StatusBoard board_;
  SharedSymbolizer symbolizer_;
  std::unique_ptr<exporting::Spool> spool_;  // null: profiles wait in the senders' memory
  std::vector<std::unique_ptr<exporting::TargetSender>> senders_;
  std::vector<control::ExportTargetConfig> targets_in_use_;  // of the senders
  DebuginfoFiles debuginfo_files_;
  std::vector<std::unique_ptr<exporting::DebuginfoUploader>> uploaders_;  // by target; null: it is given none
  CodeTables code_;
  PodNames pods_;
  SharedSeriesRules series_rules_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<CaptureThread> capture_;
  std::unique_ptr<ControlAnswers> answers_;
  std::unique_ptr<control::ControlServer> server_;
  std::unique_ptr<telemetry::MetricsServer> metrics_;  // null: nobody wants it
};

}  // namespace sonde::app
