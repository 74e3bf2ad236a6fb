#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "agent/kernel/unwind_maps.h"
#include "agent/model/executable_file.h"
#include "agent/telemetry/loss_ledger.h"
#include "agent/unwind/delayed.h"
#include "agent/unwind/file_ids.h"
#include "agent/unwind/mapping_slabs.h"
#include "agent/unwind/table_builder.h"
#include "agent/unwind/table_compiler.h"
#include "agent/unwind/table_store.h"
#include "agent/worker/lost_files.h"
#include "base/clock.h"
#include "base/cpu_budget.h"

namespace sonde::unwind {

struct UnwinderOptions {
  uint64_t max_row_bytes = uint64_t{64} << 20;
  base::CpuBudget::Limits build_budget;
  std::unique_ptr<TableCompiler> compiler;  // null: a TableWorker
};

struct UnwindStatistics {
  size_t processes = 0;
  size_t mapping_lists = 0;  // different ones
  size_t mappings = 0;       // of these
  size_t files = 0;
  size_t tables = 0;
  uint64_t rows = 0;
  uint64_t row_bytes = 0;  // of the arenas
  uint64_t map_bytes = 0;  // of all maps together
  uint64_t builds = 0;
  uint64_t build_cpu_ns = 0;
  uint64_t evictions = 0;
  size_t pending = 0;   // files whose table is in the making
  uint64_t no_cfi = 0;  // files that were found to have none
  uint64_t refused = 0;
};

// How walks get through the code of a file.
struct FileUnwinding {
  enum class By {
    kTable,
    kFramePointers,  // there is nothing to make a table of, or no file
    kNothingYet,     // the table is being made, or made anew
    kNothing,        // it could not be made
  };
  By by = By::kFramePointers;
  std::string why;  // of kNothing
};

// Keeps the kernel side's tables right: gives it every process's mappings, and every file's table, queued on a thread
// of its own and compiled by a process that has no rights. Walks read all of it at any time, and find either the old or
// the new.
class Unwinder {
 public:
  // `maps` and `ledger` must outlive this; nobody else may write to the maps.
  Unwinder(kernel::UnwindMaps* maps, UnwinderOptions options, telemetry::LossLedger* ledger);
  ~Unwinder();

  // The process has these executable mappings now: sorted by start, not overlapping. This and Forget() by one thread.
  void SetMappings(uint32_t tgid, std::span<const model::Mapping> mappings) ABSL_LOCKS_EXCLUDED(mutex_);
  // The process has ended, a while ago.
  void Forget(uint32_t tgid) ABSL_LOCKS_EXCLUDED(mutex_);

  // The file of a frame's id; null when there is none of that id. Any thread.
  model::ExecutableFilePtr FileOf(uint16_t id) const { return ids_.Find(id); }
  // Any thread.
  FileUnwinding UnwindingOf(const model::ExecutableFile& file) const ABSL_LOCKS_EXCLUDED(mutex_);
  // Frames of two windows ago are resolved: their ids may be used again. Any thread.
  void EndWindow() ABSL_LOCKS_EXCLUDED(mutex_);

  // Of the process that compiles. Any thread.
  uint64_t WorkerCpuNs() const { return compiler_->CpuNs(); }
  worker::WorkerFacts WorkerFacts() const { return compiler_->Facts(); }
  // Any thread.
  UnwindStatistics Statistics() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // On the thread of mappings.
  std::vector<abi::unwind_mapping> Translate(std::span<const model::Mapping> mappings);
  uint32_t FileNumber(const model::Mapping& mapping, std::vector<uint16_t>* seen);
  void Introduce(uint16_t id, const model::ExecutableFilePtr& file);
  void ReleaseFiles(std::span<const abi::unwind_mapping> mappings);
  void Replace(uint32_t tgid, const abi::unwind_process& slab);
  void EraseProcess(uint32_t tgid);

  // On the builder's thread.
  void Build(const BuildQueue::Job& job) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnNoTable(const BuildQueue::Job& job, const absl::Status& why, bool has_part) ABSL_LOCKS_EXCLUDED(mutex_);
  void Blame(const BuildQueue::Job& job, bool has_part) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Publish(const BuildQueue::Job& job, const elf::UnwindTable& table) ABSL_LOCKS_EXCLUDED(mutex_);
  void Refuse(uint16_t id, const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);
  void Retire(uint16_t id) ABSL_LOCKS_EXCLUDED(mutex_);
  void Tick() ABSL_LOCKS_EXCLUDED(mutex_);

  void Queue(uint16_t id, const model::ExecutableFilePtr& file, uint64_t not_before_ns = 0);
  void Report(const absl::Status& status);

  kernel::UnwindMaps* const maps_;
  const std::unique_ptr<TableCompiler> compiler_;
  telemetry::LossLedger* const ledger_;
  FileIds ids_;

  // Of the thread of mappings alone.
  MappingSlabs slabs_;
  absl::flat_hash_map<uint32_t, abi::unwind_process> processes_;

  // Of the builder's thread alone.
  TableStore store_;
  worker::LostFiles lost_files_;

  mutable absl::Mutex mutex_;
  UnwindStatistics statistics_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint16_t, std::string> refusals_ ABSL_GUARDED_BY(mutex_);    // why
  absl::flat_hash_map<uint16_t, uint64_t> shunned_until_ ABSL_GUARDED_BY(mutex_);  // the compiler was lost over them
  absl::flat_hash_set<uint16_t> dropped_ ABSL_GUARDED_BY(mutex_);  // to be built when there is time or room again

  std::unique_ptr<TableBuilder> builder_;  // the last: its thread uses all of the above
};

}  // namespace sonde::unwind
