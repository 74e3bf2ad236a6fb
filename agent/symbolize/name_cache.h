#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "agent/model/executable_file.h"
#include "agent/model/profile_batch.h"
#include "agent/symbolize/debug_files.h"
#include "agent/symbolize/file_names.h"
#include "agent/symbolize/file_opener.h"
#include "agent/symbolize/name_sources.h"
#include "agent/symbolize/name_worker.h"
#include "agent/telemetry/loss_ledger.h"
#include "agent/worker/lost_files.h"
#include "base/clock.h"
#include "base/cpu_budget.h"

namespace sonde::symbolize {

// What is known of files' code, kept from window to window: each place is asked about once, and all that is new of a
// file in a batch at once. Over `max_bytes` or 4,096 files those that were needed longest ago go. Files are told apart
// by device, inode, size and time of change, so that a program that replaced another is another file; one that was
// overwritten since it was opened is not read any more.
//
// Lines and inlined functions of a large file cost much: they may take one part in two thousand of the time for each
// file, and 50 ms before that has passed; all files together one part in a thousand, and two seconds. Beyond, answers
// are of symbols alone, and such places are asked about once more when there is time for lines again. Those of code
// that was made at run time are always asked for.
//
// A file that the worker was lost over is asked about once more. When it is lost again, that file is left alone for an
// hour, then for two, and so on up to a day; its frames are named by offsets meanwhile. Single-threaded.
class NameCache {
 public:
  // `worker` and `ledger` must outlive it; the latter hears of files that have no names.
  NameCache(size_t max_bytes, NameWorker* worker, telemetry::LossLedger* ledger, DebugFiles debug_files = DebugFiles(),
            std::function<uint64_t()> now_ns = base::MonotonicNs);

  // Has servers asked for debug files, and takes what comes. As FileOpener has it.
  void SetDebuginfod(Debuginfod* debuginfod) {
    debuginfod_ = debuginfod;
    opener_.SetDebuginfod(debuginfod);
  }

  // Learns what it can of all frames of these batches' stacks. What was given before may be gone.
  void Prepare(std::span<const model::ProfileBatch> batches);
  void Prepare(const model::ProfileBatch& batch) { Prepare({&batch, 1}); }

  // REQUIRES: `file` is of kind kFile, kVdso or kJit. The answer stays valid until the next Prepare().
  const FileNames& Get(const model::ExecutableFilePtr& file);

  // Where the names of `file` come from; looks for debug files anew. REQUIRES as of Get(), whose answers may be gone
  // then.
  NameSources Explain(const model::ExecutableFilePtr& file);

  size_t MemoryBytes() const;
  size_t Size() const { return by_use_.size(); }

 private:
  struct Entry {
    model::FileIdentity identity;
    uint64_t key = 0;             // at the worker
    uint64_t generation = 0;      // of the worker that has it open; 0: none has
    bool has_descriptor = false;  // when it was read
    base::CpuBudget lines{{.burst_ns = 50'000'000, .share = 1.0 / 2'000}, 0};
    SplitSearch split;
    bool is_alone = false;   // debug files were looked for, and there are none
    uint64_t looked_ns = 0;  // when
    FileNames names;
  };
  // What is asked of one file, for some batches at once.
  struct Wanted {
    Entry* entry = nullptr;
    const model::ExecutableFile* file = nullptr;
    bool with_lines = false;
    absl::flat_hash_set<uint64_t> offsets;
  };
  Entry& Touch(const model::ExecutableFilePtr& file);
  uint64_t KeyOf(const model::ExecutableFile& file, const model::FileIdentity& identity);
  // Makes the worker have it open; else why it cannot be asked about now. `sources` is filled in when it was opened
  // anew.
  absl::Status Open(const model::ExecutableFile& file, Entry* entry, NameSources* sources);
  absl::Status Open(const model::ExecutableFile& file, Entry* entry) {
    NameSources unwanted;
    return Open(file, entry, &unwanted);
  }
  absl::Status Refuse(const char* cause, const absl::Status& why, Entry* entry);
  absl::Status OpenAtWorker(const model::ExecutableFile& file, Entry* entry, NameSources* sources);
  bool HasTimeForLines(Entry& entry, const model::ExecutableFile& file);
  void Collect(const model::ProfileBatch& batch, std::map<const Entry*, Wanted>* all);
  void Ask(const Wanted& wanted);
  absl::StatusOr<NameWorker::Resolved> Resolve(const Wanted& wanted, std::span<const uint64_t> offsets);
  void Blame(const model::FileIdentity& identity);
  void TakeArrived();
  void LookAgain(Entry* entry) const;
  void MakeRoom();

  const size_t max_bytes_;
  NameWorker* const worker_;
  FileOpener opener_;
  Debuginfod* debuginfod_ = nullptr;
  telemetry::LossLedger* const ledger_;
  const std::function<uint64_t()> now_ns_;
  base::CpuBudget all_lines_{{.burst_ns = 2'000'000'000, .share = 1.0 / 1'000}, 0};
  uint64_t next_key_ = 0;
  std::list<Entry> by_use_;  // most recent first
  absl::flat_hash_map<model::FileIdentity, std::list<Entry>::iterator> entries_;
  worker::LostFiles lost_files_;
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, uint64_t> map_keys_;  // of perf maps, by device and inode
};

}  // namespace sonde::symbolize
