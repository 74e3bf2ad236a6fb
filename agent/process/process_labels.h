#pragma once

#include <string>
#include <string_view>

#include "agent/model/label_settings.h"
#include "agent/model/pod_info.h"
#include "agent/process/process_reader.h"
#include "profile/labels.h"

namespace sonde::process {

// A kernel thread's name without what tells instances apart: "kworker/0:1-events" is "kworker".
std::string KernelThreadName(std::string_view comm);

// The name a process goes by: its executable's, else its comm.
std::string ProcessName(const ProcessSnapshot& snapshot);

// service_name (service_name.h has the rule), process, node; container_id, or outside of containers slice; unit; in a
// pod that is known namespace, pod, container, workload and workload_kind. `pod` may be null. Values are valid UTF-8,
// bounded, never empty.
profile::Labels LabelsOf(const ProcessSnapshot& snapshot, const model::PodInfo* pod, const std::string& node,
                         const model::LabelSettings& settings);

// What else is known, for rules to make labels of: __meta_process_name, __meta_container_runtime, __meta_systemd_slice,
// __meta_kubernetes_pod_uid, __meta_kubernetes_pod_qos, and of what the settings allow __meta_env_var_NAME,
// __meta_kubernetes_pod_label_NAME and __meta_kubernetes_pod_annotation_NAME.
profile::Labels MetaLabelsOf(const ProcessSnapshot& snapshot, const model::PodInfo* pod);

}  // namespace sonde::process
