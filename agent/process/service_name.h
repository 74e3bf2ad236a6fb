#pragma once

#include <string>

#include "agent/model/label_settings.h"
#include "agent/model/pod_info.h"
#include "agent/process/process_reader.h"

namespace sonde::process {

// What the service of a process is called, by the first of these that there is:
//   1. "kernel" for threads of the kernel;
//   2. the first of the user's rules that the process fits;
//   3. the first of the user's sources that is there: a pod annotation, a pod label, a variable of the environment;
//   4. in a pod WORKLOAD/CONTAINER, or WORKLOAD where both have one name or the container has none;
//   5. in another container the first 12 digits of its id, or its name where that is the id;
//   6. the systemd service without ".service";
//   7. the process's name, `process`.
// `pod` is null where there is none. As it was found: not cut, not checked.
std::string ServiceNameOf(const ProcessSnapshot& snapshot, const std::string& process, const model::PodInfo* pod,
                          const model::LabelSettings& settings);

// The container's name in its pod; empty when it is not known.
std::string ContainerNameOf(const CgroupInfo& cgroup, const model::PodInfo* pod);

}  // namespace sonde::process
