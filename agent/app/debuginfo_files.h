#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "agent/export/debuginfo_source.h"
#include "agent/symbolize/debug_files.h"
#include "agent/telemetry/loss_ledger.h"
#include "agent/worker/extract_worker.h"

namespace sonde::app {

// What this host has for debuggers: the debug file of a program where distributions put it, if it is the program's by
// build id, else the program's own file, of both only what is no code (elf::ExtractPlan). The program's file is the one
// that the agent holds open; one that is not for everybody to read is given to nobody. Which bytes these are a worker
// of its own finds out, which runs from the first question on; a file that it is lost over is counted, and has no build
// id. Any thread, one at a time.
class DebuginfoFiles : public exporting::DebuginfoSource {
 public:
  // `losses` must outlive it.
  explicit DebuginfoFiles(telemetry::LossLedger* losses, worker::KeptWorker::Options options = {})
      : losses_(losses), worker_(WithHarm(std::move(options))) {}

  std::string BuildIdOf(const model::ExecutableFile& program) const override ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::unique_ptr<exporting::DebuginfoBytes>> Open(const model::ExecutableFile& program,
                                                                  const std::string& build_id) const override
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Whoever waits for the worker has an answer soon, and it is asked no more.
  void Interrupt() { worker_.Interrupt(); }
  worker::WorkerFacts WorkerFacts() const { return worker_.Facts(); }
  uint64_t WorkerCpuNs() const { return worker_.CpuNs(); }

 private:
  static worker::KeptWorker::Options WithHarm(worker::KeptWorker::Options options);
  absl::StatusOr<worker::FileExtract> Ask(int fd, uint64_t size_bytes, bool is_debug_file) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  telemetry::LossLedger* const losses_;
  const symbolize::DebugFiles debug_files_;
  mutable absl::Mutex mutex_;
  mutable worker::ExtractWorker worker_;  // asked under the mutex
};

}  // namespace sonde::app
