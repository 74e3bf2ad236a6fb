#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/model/process_event.h"
#include "agent/process/executable_files.h"
#include "agent/process/mapping_list.h"
#include "agent/process/process_reader.h"
#include "agent/telemetry/loss_ledger.h"
#include "base/clock.h"
#include "bpf/abi/unwind.h"

namespace sonde::process {

struct MappingTrackerOptions {
  std::string proc_root = "/proc";
  size_t max_processes = UNWIND_PROCESSES;
  size_t max_mappings = UNWIND_MAPPINGS_PER_PROCESS;  // of one process
  size_t max_map_lines = 65'536;                      // of one process
  size_t max_open_files = 4'096;
  std::function<uint64_t()> now_ns = base::MonotonicNs;
};

// A process whose executable mappings are other than they were when they were last told.
struct MappingChange {
  uint32_t tgid = 0;
  bool has_ended = false;
  std::span<const model::Mapping> mappings;  // sorted by start, not overlapping; valid during the call only
};

// What executable memory every process has, by what the kernel tells as it happens. /proc is read where that cannot
// tell: at the start, after losses, and when somebody misses a mapping. Single-threaded.
class MappingTracker {
 public:
  // `ledger` must outlive this; it hears of all that is lost and refused.
  MappingTracker(MappingTrackerOptions options, telemetry::LossLedger* ledger);

  // Reads every process. Events may be under way meanwhile: those from before a process was read are known to be old.
  absl::Status ScanAll();

  // Takes one event. They come in order of time.
  void Apply(const model::ProcessEvent& event);

  // An address of this process was in no mapping: reads it anew, now or when it was not read for a while (0.1 s, and
  // twice as long each time, up to 25 s).
  void RequestRescan(uint32_t tgid);

  // Does what is due: forgets processes that ended a second ago, reads those that wait for it.
  void Tick();
  // When Tick() has something to do, monotonic.
  uint64_t NextTickNs() const;

  // Tells each process that has changed since the last call, once.
  void TakeChanges(absl::FunctionRef<void(const MappingChange&)> visit);

  // The executable mappings of a process that lives, as they are known. kNotFound: it is not known.
  absl::StatusOr<std::vector<model::Mapping>> MappingsOf(uint32_t tgid) const;

  size_t Processes() const { return processes_.size(); }
  size_t OpenFiles() const { return files_.OpenCount(); }

 private:
  struct Process {
    std::shared_ptr<MappingList> mappings;  // shared with forked processes until one of them changes; never null
    uint64_t read_ns = 0;                   // when /proc was read; events before that are known
    int64_t threads = kUnknown;
    bool first_thread_ended = false;
    uint64_t ended_ns = 0;        // 0: lives
    uint64_t next_rescan_ns = 0;  // not to be read before
    uint64_t rescan_interval_ns = 0;
    bool awaits_rescan = false;
  };
  static constexpr int64_t kUnknown = -1;

  void On(const model::MappingEvent& event, uint64_t time_ns);
  void On(const model::ExecEvent& event, uint64_t time_ns);
  void On(const model::ForkEvent& event, uint64_t time_ns);
  void On(const model::ExitEvent& event, uint64_t time_ns);
  void On(const model::LostEvent& event, uint64_t time_ns);

  // The process, unless the event is older than what is known of it; null when there is none.
  Process* Find(uint32_t tgid, uint64_t time_ns);
  // A process that nothing is known of yet; null when there are too many.
  Process* Add(uint32_t tgid);
  void MeetLate(uint32_t tgid);
  void Read(uint32_t tgid);
  void Take(uint32_t tgid, Process* process, std::vector<model::Mapping> mappings);
  void Attend(uint32_t tgid);
  void End(uint32_t tgid, Process* process);
  void Forget(uint32_t tgid);
  void ScanAfterLoss();
  void Sweep();

  const MappingTrackerOptions options_;
  telemetry::LossLedger* const ledger_;
  ExecutableFiles files_;
  ProcessReader reader_;
  absl::flat_hash_map<uint32_t, Process> processes_;
  absl::flat_hash_set<uint32_t> changed_;
  std::multimap<uint64_t, uint32_t> due_;  // when to Attend() to which process
  bool has_lost_ = false;
  uint64_t next_scan_ns_ = 0;
  uint64_t scan_interval_ns_;
  uint64_t next_sweep_ns_;
};

}  // namespace sonde::process
