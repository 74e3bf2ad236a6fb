#include "agent/process/process_labels.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "agent/process/service_name.h"

namespace sonde::process {
namespace {

void Put(const std::string& name, std::string_view value, profile::Labels* labels) {
  if (!value.empty()) labels->insert_or_assign(name, profile::LabelValue(value));
}

void PutAll(const char* prefix, const std::map<std::string, std::string>& texts, profile::Labels* labels) {
  for (const auto& [name, value] : texts) Put(absl::StrCat(prefix, profile::ToLabelNamePart(name)), value, labels);
}

}  // namespace

std::string KernelThreadName(std::string_view comm) {
  if (size_t slash = comm.find('/'); slash != std::string_view::npos && slash > 0)
    return std::string(comm.substr(0, slash));
  size_t last = comm.find_last_not_of("0123456789");
  if (last == std::string_view::npos || last + 1 == comm.size()) return std::string(comm);
  last = comm.find_last_not_of("0123456789_-:");
  return std::string(last == std::string_view::npos ? comm : comm.substr(0, last + 1));
}

std::string ProcessName(const ProcessSnapshot& snapshot) {
  if (snapshot.stat.is_kernel_thread) return KernelThreadName(snapshot.stat.comm);
  return snapshot.executable.empty() ? snapshot.stat.comm : snapshot.executable;
}

profile::Labels LabelsOf(const ProcessSnapshot& snapshot, const model::PodInfo* pod, const std::string& node,
                         const model::LabelSettings& settings) {
  profile::Labels labels;
  const CgroupInfo& cgroup = snapshot.cgroup;
  const std::string process = ProcessName(snapshot);
  Put(profile::kServiceName, ServiceNameOf(snapshot, process, pod, settings), &labels);
  Put(profile::kProcess, process, &labels);
  Put(profile::kNode, node, &labels);
  Put(profile::kContainerId, cgroup.container_id, &labels);
  Put(profile::kUnit, cgroup.unit, &labels);
  // A container's slice says no more than its pod.
  if (cgroup.container_id.empty()) Put(profile::kSlice, cgroup.slice, &labels);
  if (pod == nullptr) return labels;
  Put(profile::kNamespace, pod->name_space, &labels);
  Put(profile::kPod, pod->name, &labels);
  Put(profile::kContainer, ContainerNameOf(cgroup, pod), &labels);
  Put(profile::kWorkload, pod->workload, &labels);
  Put(profile::kWorkloadKind, pod->workload_kind, &labels);
  return labels;
}

profile::Labels MetaLabelsOf(const ProcessSnapshot& snapshot, const model::PodInfo* pod) {
  profile::Labels labels;
  Put("__meta_process_name", ProcessName(snapshot), &labels);
  Put("__meta_container_runtime", snapshot.cgroup.runtime, &labels);
  Put("__meta_systemd_slice", snapshot.cgroup.slice, &labels);
  Put("__meta_kubernetes_pod_uid", snapshot.cgroup.pod_uid, &labels);
  Put("__meta_kubernetes_pod_qos", snapshot.cgroup.qos, &labels);
  PutAll("__meta_env_var_", snapshot.environment, &labels);
  if (pod == nullptr) return labels;
  PutAll("__meta_kubernetes_pod_label_", pod->labels, &labels);
  PutAll("__meta_kubernetes_pod_annotation_", pod->annotations, &labels);
  return labels;
}

}  // namespace sonde::process
