#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/executable_file.h"
#include "agent/process/cgroup.h"
#include "agent/process/executable_files.h"
#include "base/unique_fd.h"

namespace sonde::process {

// What /proc/PID/stat tells (fields by proc(5)).
struct ProcessStat {
  std::string comm;
  char state = '?';  // 'Z': the main thread has ended, others may live
  bool is_kernel_thread = false;
  uint64_t start_ticks = 0;  // field 22: with the pid it names one process for good
};

// Reads the text of /proc/PID/stat; `comm` may hold blanks and parentheses. kInvalidArgument when it is none.
absl::StatusOr<ProcessStat> ParseStat(std::string_view text);

// Everything read of one process at one moment, checked to be of one process only.
struct ProcessSnapshot {
  ProcessStat stat;
  std::string executable;  // base name of the executable; empty when there is none or it cannot be read
  CgroupInfo cgroup;
  std::map<std::string, std::string> environment = {};  // those variables that were wanted
  std::vector<model::Mapping> mappings = {};
};

// Reads processes from a /proc. Single-threaded; `files` and `ledger` must outlive it.
class ProcessReader {
 public:
  ProcessReader(std::string proc_root, size_t max_map_lines, ExecutableFiles* files, telemetry::LossLedger* ledger);

  // kNotFound when there is no such process (any more); kAborted when its pid was given to another one while reading.
  // Of its environment only the variables `environment` are taken, and nothing is read when these are none.
  absl::StatusOr<ProcessSnapshot> Read(uint32_t tgid, const std::vector<std::string>& environment = {});
  absl::StatusOr<ProcessStat> ReadStat(uint32_t tgid) const;
  // Its executable mappings alone; none for kernel threads and for what waits to be reaped. kNotFound as above.
  absl::StatusOr<std::vector<model::Mapping>> ReadMappings(uint32_t tgid);
  // False when the process is gone or only waits to be reaped.
  bool IsRunning(uint32_t tgid) const;
  // All processes that there are.
  absl::StatusOr<std::vector<uint32_t>> ListProcesses() const;
  // The folder of a process, as ExecutableFiles wants it.
  absl::StatusOr<base::UniqueFd> OpenFolder(uint32_t tgid) const;

 private:
  base::UniqueFd OpenLiveThread(uint32_t tgid, const base::UniqueFd& folder) const;
  void ReadWorkloadIn(const base::UniqueFd& folder, const std::vector<std::string>& environment,
                      ProcessSnapshot* snapshot);
  std::vector<model::Mapping> ReadMappingsIn(const base::UniqueFd& folder);

  const std::string proc_root_;
  const size_t max_map_lines_;
  ExecutableFiles* const files_;
  telemetry::LossLedger* const ledger_;
};

}  // namespace sonde::process
