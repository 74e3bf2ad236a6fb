#include "agent/kubernetes/pod_json.h"

#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/strip.h"
#include "agent/kubernetes/workload.h"
#include "profile/labels.h"

namespace sonde::kubernetes {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxContainers = 64;
constexpr int kMaxDepth = 16;
constexpr char kTemplateHash[] = "pod-template-hash";
constexpr char kStaticUid[] = "kubernetes.io/config.hash";

// The words on the way to what is kept: all else, most of a pod, is not.
absl::flat_hash_set<std::string> KeptKeys(const WantedMetadata& wanted) {
  absl::flat_hash_set<std::string> keys = {"kind",
                                           "code",
                                           "message",
                                           "type",
                                           "object",
                                           "metadata",
                                           "items",
                                           "status",
                                           "resourceVersion",
                                           "name",
                                           "namespace",
                                           "uid",
                                           "labels",
                                           "annotations",
                                           "ownerReferences",
                                           "controller",
                                           "containerStatuses",
                                           "initContainerStatuses",
                                           "containerID",
                                           "ephemeralContainerStatuses",
                                           kTemplateHash,
                                           kStaticUid};
  keys.insert(wanted.labels.begin(), wanted.labels.end());
  keys.insert(wanted.annotations.begin(), wanted.annotations.end());
  return keys;
}

// A discarded value when the text is no JSON.
Json Parse(std::string_view text, const WantedMetadata& wanted) {
  const absl::flat_hash_set<std::string> kept = KeptKeys(wanted);
  const Json::parser_callback_t keep = [&kept](int depth, Json::parse_event_t event, Json& parsed) {
    return depth <= kMaxDepth &&
           (event != Json::parse_event_t::key || kept.contains(parsed.get_ref<const std::string&>()));
  };
  return Json::parse(text, keep, /*allow_exceptions=*/false);
}

// The member, or an empty one where there is none.
const Json& Member(const Json& object, const std::string& name) {
  static const Json* const kNone = new Json();
  if (!object.is_object()) return *kNone;
  const auto found = object.find(name);
  return found != object.end() ? *found : *kNone;
}

std::string Text(const Json& object, const std::string& name) {
  const Json& value = Member(object, name);
  return value.is_string() ? profile::LabelValue(value.get_ref<const std::string&>()) : "";
}

std::map<std::string, std::string> Chosen(const Json& texts, const std::vector<std::string>& names) {
  std::map<std::string, std::string> chosen;
  for (const std::string& name : names) {
    if (std::string value = Text(texts, name); !value.empty()) chosen.emplace(name, std::move(value));
  }
  return chosen;
}

void AddContainers(const Json& statuses, model::PodInfo* pod) {
  if (!statuses.is_array()) return;
  for (const Json& status : statuses) {
    const std::string name = Text(status, "name"), url = Text(status, "containerID");
    const size_t scheme = url.find("://");  // of the runtime, as "containerd://"
    if (name.empty() || scheme == std::string::npos || pod->containers.size() >= kMaxContainers) continue;
    pod->containers.insert_or_assign(url.substr(scheme + 3), name);
  }
}

Owner ControllerOf(const Json& metadata) {
  const Json& owners = Member(metadata, "ownerReferences");
  if (!owners.is_array()) return {};
  for (const Json& owner : owners) {
    const Json& is_controller = Member(owner, "controller");
    if (is_controller.is_boolean() && is_controller.get<bool>()) return {Text(owner, "kind"), Text(owner, "name")};
  }
  return {};
}

model::PodInfo PodOf(const Json& object, const WantedMetadata& wanted) {
  const Json& metadata = Member(object, "metadata");
  const Json& labels = Member(metadata, "labels");
  const Json& annotations = Member(metadata, "annotations");
  model::PodInfo pod;
  pod.uid = Text(metadata, "uid");
  pod.static_uid = Text(annotations, kStaticUid);
  pod.name = Text(metadata, "name");
  pod.name_space = Text(metadata, "namespace");
  Owner workload = WorkloadOf(pod.name, ControllerOf(metadata), Text(labels, kTemplateHash));
  pod.workload = std::move(workload.name);
  pod.workload_kind = std::move(workload.kind);
  for (const char* statuses : {"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"}) {
    AddContainers(Member(Member(object, "status"), statuses), &pod);
  }
  pod.labels = Chosen(labels, wanted.labels);
  pod.annotations = Chosen(annotations, wanted.annotations);
  return pod;
}

std::string VersionOf(const Json& object) { return Text(Member(object, "metadata"), "resourceVersion"); }

absl::Status NoAnswer(const char* to) {
  return absl::InvalidArgumentError(std::string("what answers is no Kubernetes API: no ") + to);
}

PodEvent ErrorOf(const Json& status) {
  PodEvent event;
  event.kind = PodEvent::Kind::kError;
  const Json& code = Member(status, "code");
  event.error_code = code.is_number_integer() ? code.get<int>() : 0;
  event.error = Text(status, "message");
  return event;
}

}  // namespace

absl::StatusOr<PodList> ParsePodList(const std::string& json, const WantedMetadata& wanted) {
  const Json answer = Parse(json, wanted);
  PodList list;
  list.resource_version = answer.is_discarded() ? "" : VersionOf(answer);
  const Json& items = Member(answer, "items");
  if (list.resource_version.empty() || !(items.is_array() || items.is_null())) return NoAnswer("list of pods");
  for (const Json& item : items) {
    if (model::PodInfo pod = PodOf(item, wanted); !pod.uid.empty()) list.pods.push_back(std::move(pod));
  }
  return list;
}

absl::StatusOr<PodEvent> ParsePodEvent(std::string_view json, const WantedMetadata& wanted) {
  const Json answer = Parse(json, wanted);
  const std::string type = answer.is_discarded() ? "" : Text(answer, "type");
  const Json& object = Member(answer, "object");
  if (type == "ERROR") return ErrorOf(object);
  PodEvent event;
  event.resource_version = VersionOf(object);
  if (event.resource_version.empty()) return NoAnswer("event of a watch");
  if (type == "BOOKMARK") return event;
  if (type != "ADDED" && type != "MODIFIED" && type != "DELETED") return NoAnswer("event of a watch");
  event.kind = type == "DELETED" ? PodEvent::Kind::kRemoved : PodEvent::Kind::kSet;
  event.pod = PodOf(object, wanted);
  if (event.pod.uid.empty()) return NoAnswer("pod in an event");
  return event;
}

std::string ParseStatusMessage(std::string_view json) {
  const Json answer = Parse(json, {});
  return answer.is_discarded() ? "" : Text(answer, "message");
}

}  // namespace sonde::kubernetes
