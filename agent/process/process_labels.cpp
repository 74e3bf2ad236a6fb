#include "agent/process/process_labels.h"

#include <algorithm>

namespace sonde::process {
namespace {

constexpr size_t kShortContainerId = 12;
constexpr size_t kMaxValueBytes = 256;
constexpr std::string_view kServiceSuffix = ".service";

// Cuts before whole characters only; the text is valid UTF-8.
std::string Cut(std::string text) {
  if (text.size() <= kMaxValueBytes) return text;
  size_t end = kMaxValueBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.erase(end);
}

void Put(profile::Labels* labels, const char* name, std::string_view value) {
  if (!value.empty()) labels->insert_or_assign(name, Cut(profile::ToValidUtf8(value.substr(0, kMaxValueBytes))));
}

std::string ServiceName(const ProcessSnapshot& snapshot, const std::string& process,
                        const std::vector<ServiceRule>& rules) {
  if (snapshot.stat.is_kernel_thread) return "kernel";
  auto rule = std::ranges::find(rules, process, &ServiceRule::executable);
  if (rule != rules.end()) return rule->service_name;
  const CgroupInfo& cgroup = snapshot.cgroup;
  if (!cgroup.container_id.empty()) return cgroup.container_id.substr(0, kShortContainerId);
  if (cgroup.unit.size() > kServiceSuffix.size()) {
    return cgroup.unit.substr(0, cgroup.unit.size() - kServiceSuffix.size());
  }
  return process;
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

profile::Labels LabelsOf(const ProcessSnapshot& snapshot, const std::string& node,
                         const std::vector<ServiceRule>& rules) {
  profile::Labels labels;
  std::string process = ProcessName(snapshot);
  Put(&labels, profile::kServiceName, ServiceName(snapshot, process, rules));
  Put(&labels, profile::kProcess, process);
  Put(&labels, profile::kContainerId, snapshot.cgroup.container_id);
  Put(&labels, profile::kUnit, snapshot.cgroup.unit);
  Put(&labels, profile::kNode, node);
  return labels;
}

}  // namespace sonde::process
