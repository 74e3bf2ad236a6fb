#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/app/process_follower.h"
#include "agent/kernel/unwind_maps.h"
#include "agent/model/code_directory.h"
#include "agent/telemetry/loss_ledger.h"
#include "agent/unwind/unwinder.h"

namespace sonde::app {

// What walks of user stacks need: the maps, what fills them, and what their frames refer to.
class CodeTables : public model::CodeDirectory {
 public:
  // `losses` must outlive it.
  explicit CodeTables(telemetry::LossLedger* losses) : losses_(losses) {}
  ~CodeTables() override { Stop(); }

  // Returns once every process's mappings are known and their files' tables are queued. Errors as of UnwindMaps and
  // ProcessFollower, which gets `records`.
  absl::Status Start(kernel::EventsByCpu records = {});
  // What is in the maps stays. Idempotent.
  void Stop();

  // REQUIRES for all below: Start() succeeded. Thread-safe.
  const kernel::UnwindMaps& Maps() const { return *maps_; }
  model::ExecutableFilePtr FileOf(uint16_t number) const override { return unwinder_->FileOf(number); }
  void OnMissedMapping(uint32_t tgid) override { follower_->RequestRescan(tgid); }
  absl::StatusOr<std::vector<model::Mapping>> MappingsOf(uint32_t tgid) const { return follower_->MappingsOf(tgid); }
  unwind::FileUnwinding UnwindingOf(const model::ExecutableFile& file) const { return unwinder_->UnwindingOf(file); }
  // Frames of the window before the last are resolved.
  void EndWindow() { unwinder_->EndWindow(); }
  // Of the worker that makes tables.
  uint64_t WorkerCpuNs() const { return unwinder_->WorkerCpuNs(); }
  worker::WorkerFacts WorkerFacts() const { return unwinder_->WorkerFacts(); }
  unwind::UnwindStatistics Statistics() const { return unwinder_->Statistics(); }

 private:
  telemetry::LossLedger* const losses_;
  std::unique_ptr<kernel::UnwindMaps> maps_;
  std::unique_ptr<unwind::Unwinder> unwinder_;
  std::unique_ptr<ProcessFollower> follower_;
};

}  // namespace sonde::app
