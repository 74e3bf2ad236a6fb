#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace sonde::model {

// What Kubernetes tells of one pod. Immutable once published.
struct PodInfo {
  std::string uid;
  std::string static_uid;  // what the control groups of a pod from a file of the kubelet's are called after; else empty
  std::string name;
  std::string name_space;
  std::string workload;                            // what it belongs to, as the Deployment's name; else the pod's own
  std::string workload_kind;                       // "Deployment", "DaemonSet", "Pod", ...
  std::map<std::string, std::string> containers;   // names by id, as the runtime made it: 64 hex digits
  std::map<std::string, std::string> labels;       // those that the user asked for
  std::map<std::string, std::string> annotations;  // the same

  friend bool operator==(const PodInfo&, const PodInfo&) = default;
};
using PodInfoPtr = std::shared_ptr<const PodInfo>;

// How it is asked which pod a process is of; implemented by kubernetes/. Thread-safe, never blocks for long.
class PodDirectory {
 public:
  virtual ~PodDirectory() = default;

  // The pod with this container, else with this uid; null when none is known (yet). Either may be empty.
  virtual PodInfoPtr Find(const std::string& container_id, const std::string& pod_uid) const = 0;
  // Another number after each change, so that nobody asks again in vain.
  virtual uint64_t Version() const = 0;
};

}  // namespace sonde::model
