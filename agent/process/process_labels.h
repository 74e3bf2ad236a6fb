#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/process/process_reader.h"
#include "profile/labels.h"

namespace sonde::process {

// Names the service of every process whose executable has this base name.
struct ServiceRule {
  std::string executable;
  std::string service_name;
};

// A kernel thread's name without what tells instances apart: "kworker/0:1-events" is "kworker".
std::string KernelThreadName(std::string_view comm);

// service_name (a rule's, else the container's id shortened, else the systemd service, else the executable; "kernel"
// for kernel threads), process, container_id, unit, node. Valid UTF-8, at most 256 bytes each, never empty.
profile::Labels LabelsOf(const ProcessSnapshot& snapshot, const std::string& node,
                         const std::vector<ServiceRule>& rules);

// The name a process goes by: its executable's, else its comm.
std::string ProcessName(const ProcessSnapshot& snapshot);

}  // namespace sonde::process
