#include "agent/export/otlp_attributes.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sonde::exporting {
namespace {

using ::opentelemetry::proto::resource::v1::Resource;

struct Name {
  std::string_view label;
  std::string_view key;
};

constexpr Name kResourceNames[] = {
    {profile::kServiceName, "service.name"},
    {profile::kNode, "host.name"},
    {profile::kContainerId, "container.id"},
    {profile::kProcess, "process.executable.name"},
    {profile::kUnit, "sonde.unit"},
    {"slice", "sonde.slice"},
    {"pid", "process.pid"},
    {"pod", "k8s.pod.name"},
    {"namespace", "k8s.namespace.name"},
};

constexpr Name kSampleNames[] = {
    {profile::kProcess, "process.executable.name"},
    {"pid", "process.pid"},
    {"thread_id", "thread.id"},
    {"comm", "thread.name"},
};

std::string KeyOf(std::span<const Name> names, std::string_view label, std::string_view otherwise) {
  const auto found = std::ranges::find(names, label, &Name::label);
  return std::string(found != names.end() ? found->key : otherwise);
}

constexpr std::string_view kWorkloadKinds[] = {"deployment", "statefulset", "daemonset",
                                               "replicaset", "job",         "cronjob"};

// "k8s.deployment.name", or empty when it is none of the kinds that have a name.
std::string WorkloadKey(const profile::Labels& labels) {
  const std::string kind = absl::AsciiStrToLower(std::string(profile::LabelOf(labels, "workload_kind")));
  const bool is_known = std::ranges::find(kWorkloadKinds, kind) != std::end(kWorkloadKinds);
  return is_known ? absl::StrCat("k8s.", kind, ".name") : "";
}

// Empty for a label that another one's key tells.
std::string ResourceKey(std::string_view label, const profile::Labels& labels) {
  if (label == "container") return labels.contains("pod") ? "k8s.container.name" : "container.name";
  if (label == "workload" || label == "workload_kind") {
    const std::string key = WorkloadKey(labels);
    if (!key.empty()) return label == "workload" ? key : "";
  }
  return KeyOf(kResourceNames, label, label);
}

void Add(Resource* resource, const std::string& key, const std::string& value) {
  if (key.empty()) return;
  auto* attribute = resource->add_attributes();
  attribute->set_key(key);
  int64_t pid = 0;
  if (key == "process.pid" && absl::SimpleAtoi(value, &pid)) {
    attribute->mutable_value()->set_int_value(pid);
  } else {
    attribute->mutable_value()->set_string_value(value);
  }
}

}  // namespace

Resource MakeOtlpResource(const profile::Labels& labels, const std::string& host_id) {
  Resource resource;
  for (const auto& [label, value] : labels) Add(&resource, ResourceKey(label, labels), value);
  if (!host_id.empty()) Add(&resource, "host.id", host_id);
  return resource;
}

std::string OtlpSampleKey(std::string_view label) { return KeyOf(kSampleNames, label, "sonde." + std::string(label)); }

}  // namespace sonde::exporting
