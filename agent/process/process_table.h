#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "agent/model/label_settings.h"
#include "agent/model/pod_info.h"
#include "agent/model/process_info.h"
#include "agent/process/executable_files.h"
#include "agent/process/process_reader.h"
#include "agent/telemetry/loss_ledger.h"
#include "base/clock.h"

namespace sonde::process {

struct ProcessTableOptions {
  std::string proc_root = "/proc";
  std::string node;  // for the label of that name; empty: no such label
  model::LabelSettings labels;
  const model::PodDirectory* pods = nullptr;  // null: pods have no names; else must outlive the table
  size_t max_processes = 32'768;
  size_t max_map_lines = 65'536;  // of one process
  size_t max_open_files = 4'096;
  uint64_t refresh_interval_ns = 5'000'000'000;  // of one process
  uint64_t retry_interval_ns = 100'000'000;      // of one process that could not be read
  std::function<uint64_t()> now_ns = base::MonotonicNs;
};

// Who is alive, and who was until a short while ago. Reads a process at first sight, again and again while it cannot be
// read, and keeps it through its end for two more windows, since its last samples come late. Notices by start times
// when a pid is given to another process. When Kubernetes tells of a process's pod, or something new of it, the process
// has new labels from then on; those of a pod that is gone stay.
// Single-threaded: all calls come from the pipeline's thread. What it hands out is shared and immutable.
class ProcessTable : public model::ProcessDirectory {
 public:
  // `ledger` must outlive this; it hears of all that is refused.
  ProcessTable(ProcessTableOptions options, telemetry::LossLedger* ledger);

  model::ProcessInfoPtr Find(uint32_t tgid, const std::string& comm_hint) override;
  model::ProcessInfoPtr Refresh(uint32_t tgid) override;

  // The process runs another program now: the next Find() reads it anew.
  void OnExec(uint32_t tgid) override;
  // The process has ended: it is forgotten by the second Expire() from now.
  void OnExit(uint32_t tgid);
  // Call once per window, when all its samples were attributed.
  void Expire();

  size_t Size() const { return processes_.size(); }
  size_t OpenFiles() const { return files_.OpenCount(); }

 private:
  struct Entry {
    model::ProcessInfoPtr info;  // null: to be read anew
    ProcessSnapshot facts;       // that its labels are made of; without mappings
    model::PodInfoPtr pod;       // the same; null where none is known
    uint64_t pods_version = 0;   // when that was asked for
    uint64_t start_ticks = 0;
    uint64_t read_ns = 0;
    bool has_ended = false;
    bool is_unread = false;  // `info` holds no more than a name: nothing could be read
    int expiries_since_end = 0;
    bool is_checked = false;  // that the pid still means this process, in this window
    int looks_for_jit = 0;    // in vain, for names of code that it makes itself
  };

  void CheckIdentity(uint32_t tgid, Entry* entry);
  bool MayRetry(const Entry& entry) const;
  void ReadInto(uint32_t tgid, const std::string& comm_hint, Entry* entry);
  absl::StatusOr<ProcessSnapshot> ReadSteadily(uint32_t tgid);
  void FillIn(uint32_t tgid, ProcessSnapshot snapshot, Entry* entry) const;
  void LabelAnew(Entry* entry) const;
  void LookForJit(uint32_t tgid, Entry* entry) const;
  void AskForPod(Entry* entry) const;
  void SetLabels(const ProcessSnapshot& facts, const model::PodInfo* pod, model::ProcessInfo* info) const;
  std::shared_ptr<model::ProcessInfo> MakeInfo(uint32_t tgid, const ProcessSnapshot& facts, const model::PodInfo* pod,
                                               std::vector<model::Mapping> mappings) const;
  model::ProcessInfoPtr MakeUnread(uint32_t tgid, const std::string& comm_hint) const;
  bool MakeRoom();

  const ProcessTableOptions options_;
  telemetry::LossLedger* const ledger_;
  ExecutableFiles files_;
  ProcessReader reader_;
  absl::flat_hash_map<uint32_t, Entry> processes_;
};

}  // namespace sonde::process
