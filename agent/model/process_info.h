#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/model/executable_file.h"
#include "profile/labels.h"

namespace sonde::model {

// What is known of one process image (a new one after each exec). Immutable once published.
struct ProcessInfo {
  uint32_t tgid = 0;  // process id in the root pid namespace
  std::string comm;
  std::string executable;  // base name of the executable, or comm for kernel threads
  bool is_kernel_thread = false;
  profile::Labels labels;         // service_name, process, and what tells where it runs: process_labels.h has them all
  profile::Labels meta = {};      // "__meta_...": more about it, which rules for labels may use
  std::vector<Mapping> mappings;  // executable ones only, sorted by start, not overlapping
  ExecutableFilePtr jit = nullptr;  // names of code that it makes itself; null: none
};
using ProcessInfoPtr = std::shared_ptr<const ProcessInfo>;

// How stages ask who a process is; implemented by process/.
class ProcessDirectory {
 public:
  virtual ~ProcessDirectory() = default;

  // What is known of `tgid`, read from /proc at first sight (0: the kernel's idle tasks). Never null: a process that is
  // gone before it could be read has its `comm_hint` as name and no mappings. This and all below: call only from the
  // capture thread.
  virtual ProcessInfoPtr Find(uint32_t tgid, const std::string& comm_hint) = 0;

  // Reads the mappings again because an address was in none of them (dlopen, JIT). Rate-limited per process: may
  // return what was known before.
  virtual ProcessInfoPtr Refresh(uint32_t tgid) = 0;

  // The process is on a new image: what was known of it is void, though whoever holds it may keep it.
  virtual void OnExec(uint32_t tgid) = 0;
};

}  // namespace sonde::model
