#pragma once

#include <string>

namespace sonde::kubernetes {

struct Owner {
  std::string kind;
  std::string name;

  friend bool operator==(const Owner&, const Owner&) = default;
};

// What a pod is a part of, in terms that outlive it: of its controller (empty: none) the Deployment where that is a
// ReplicaSet made by one, the CronJob where it is a Job made by one, "StaticPod" where it is the node; without one the
// pod. `template_hash` is the label pod-template-hash, by which Deployments name ReplicaSets. CronJobs name Jobs by the
// minute, at least eight digits.
Owner WorkloadOf(const std::string& pod, const Owner& controller, const std::string& template_hash);

}  // namespace sonde::kubernetes
