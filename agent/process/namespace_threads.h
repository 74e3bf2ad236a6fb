#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace sonde::process {

// Threads as their own process knows them, which differs from what this host does where it is in a pid namespace of its
// own. What such a process has is read once: make one for each look at the host. Not for concurrent use.
class NamespaceThreads {
 public:
  explicit NamespaceThreads(std::string proc = "/proc") : proc_(std::move(proc)) {}

  // The thread's id on this host, of the one that process `tgid` knows as `inner`: the same where the process is in no
  // namespace of its own. 0: it has none such, or is gone.
  uint32_t TidOf(uint32_t tgid, uint32_t inner);

 private:
  using Tids = absl::flat_hash_map<uint32_t, uint32_t>;  // by inner id
  struct Process {
    bool is_of_this_host = false;
    Tids tids;  // unless it is
  };
  Process Read(uint32_t tgid) const;

  const std::string proc_;
  absl::flat_hash_map<uint32_t, Process> processes_;
};

}  // namespace sonde::process
