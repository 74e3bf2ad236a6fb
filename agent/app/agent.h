#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/app/capture_thread.h"
#include "agent/app/code_tables.h"
#include "agent/app/control_answers.h"
#include "agent/app/pipeline.h"
#include "agent/app/status_board.h"
#include "agent/control/control_server.h"
#include "agent/export/pyroscope_exporter.h"
#include "agent/telemetry/loss_ledger.h"

namespace sonde::app {

// The composition root: builds the rooms, wires them, starts them from the sink to the source and stops them from the
// source to the sink. The way of the data: CaptureThread → Pipeline → exporters.
class Agent {
 public:
  // `on_failure` is called once, from any thread, when the agent cannot go on; the owner then calls Stop().
  Agent(control::Config config, std::string version, std::function<void()> on_failure);
  ~Agent();  // as Stop()

  // Checks what the kernel and the rights allow, then starts everything. kPermissionDenied: a right is missing;
  // kUnimplemented: the kernel lacks something; both say what to do.
  absl::Status Start();

  // Closes the running window, sends what waits for at most five seconds, joins all threads. Idempotent.
  void Stop();

  // Why on_failure was called; OK otherwise.
  absl::Status Failure() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Fail(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_);

  const control::Config config_;
  const std::string version_;
  const std::function<void()> on_failure_;
  const uint64_t start_ns_;
  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);

  telemetry::LossLedger losses_;
  StatusBoard board_;
  SharedSymbolizer symbolizer_;
  std::vector<std::unique_ptr<exporting::PyroscopeExporter>> exporters_;
  CodeTables code_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<CaptureThread> capture_;
  std::unique_ptr<ControlAnswers> answers_;
  std::unique_ptr<control::ControlServer> server_;
};

}  // namespace sonde::app
