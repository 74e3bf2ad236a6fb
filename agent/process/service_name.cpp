#include "agent/process/service_name.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sonde::process {
namespace {

using model::NameSource;
using Texts = std::map<std::string, std::string>;

constexpr size_t kShortContainerId = 12;

std::string ValueOf(const Texts& texts, const std::string& name) {
  const auto found = texts.find(name);
  return found != texts.end() ? found->second : "";
}

std::string ValueOf(const NameSource& source, const ProcessSnapshot& snapshot, const model::PodInfo* pod) {
  if (source.from == NameSource::From::kEnvironment) return ValueOf(snapshot.environment, source.name);
  if (pod == nullptr) return "";
  return ValueOf(source.from == NameSource::From::kAnnotation ? pod->annotations : pod->labels, source.name);
}

bool Fits(const model::ServiceRule& rule, const CgroupInfo& cgroup, const std::string& process,
          const std::string& container) {
  const auto fits = [](const std::string& wanted, const std::string& value) {
    return wanted.empty() || wanted == value;
  };
  const bool is_id = rule.container.size() >= kShortContainerId && cgroup.container_id.starts_with(rule.container);
  const bool is_container = fits(rule.container, container) || is_id;
  return fits(rule.executable, process) && fits(rule.unit, cgroup.unit) && is_container;
}

std::string NameInPod(const model::PodInfo& pod, const std::string& container) {
  if (container.empty() || container == pod.workload) return pod.workload;
  return absl::StrCat(pod.workload, "/", container);
}

}  // namespace

std::string ContainerNameOf(const CgroupInfo& cgroup, const model::PodInfo* pod) {
  return pod != nullptr ? ValueOf(pod->containers, cgroup.container_id) : "";
}

std::string ServiceNameOf(const ProcessSnapshot& snapshot, const std::string& process, const model::PodInfo* pod,
                          const model::LabelSettings& settings) {
  if (snapshot.stat.is_kernel_thread) return "kernel";
  const CgroupInfo& cgroup = snapshot.cgroup;
  const std::string container = ContainerNameOf(cgroup, pod);
  for (const model::ServiceRule& rule : settings.services) {
    if (Fits(rule, cgroup, process, container)) return rule.service_name;
  }
  for (const NameSource& source : settings.service_name) {
    if (std::string name = ValueOf(source, snapshot, pod); !name.empty()) return name;
  }
  if (pod != nullptr && !pod->workload.empty()) return NameInPod(*pod, container);
  if (!cgroup.container_id.empty()) return cgroup.container_id.substr(0, kShortContainerId);
  if (!cgroup.unit.empty()) return std::string(absl::StripSuffix(cgroup.unit, ".service"));
  return process;
}

}  // namespace sonde::process
