#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/model/pod_info.h"

namespace sonde::kubernetes {

// Of a pod's labels and annotations, those to keep.
struct WantedMetadata {
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
};

struct PodList {
  std::string resource_version;  // from which on to watch
  std::vector<model::PodInfo> pods;
};

struct PodEvent {
  enum class Kind : uint8_t { kSet, kRemoved, kBookmark, kError };
  Kind kind = Kind::kBookmark;
  std::string resource_version;  // from which on to watch after it; empty in an error
  model::PodInfo pod;            // of kSet and kRemoved
  int error_code = 0;            // of kError, as HTTP's: 410 when what was asked for is too old
  std::string error;
};

// Read the API's answers to a list of pods (v1.PodList) and a watch of them (metav1.WatchEvent, one a line). Text may
// be anything: kInvalidArgument when it is not what it should be. What is not needed is not kept; names, ids and values
// are cut at 256 bytes, containers at 64 a pod.
absl::StatusOr<PodList> ParsePodList(const std::string& json, const WantedMetadata& wanted);
absl::StatusOr<PodEvent> ParsePodEvent(std::string_view json, const WantedMetadata& wanted);

// "message" of a metav1.Status, in which the API says what is wrong; else empty.
std::string ParseStatusMessage(std::string_view json);

}  // namespace sonde::kubernetes
