#pragma once

#include <string>
#include <string_view>

namespace sonde::process {

// What a process's control group tells about the workload it belongs to. Empty fields: not told.
struct CgroupInfo {
  std::string container_id;  // 64 hex digits; for ECS on Fargate "32 hex-digits", for LXC the container's name
  std::string runtime;       // "docker", "containerd", "crio", "podman", "ecs", "lxc"
  std::string pod_uid;       // of Kubernetes, with dashes; of a static pod 32 hex digits
  std::string unit;          // the systemd service, as "nginx.service"; none for scopes (sessions, desktop programs)
  std::string slice;         // the innermost systemd slice
  std::string qos = {};      // of the pod: "guaranteed", "burstable", "besteffort"; empty without one
};

// Reads the text of /proc/PID/cgroup: version 1, version 2 or both at once. Knows the paths that Docker, containerd,
// CRI-O, Podman, Kubernetes (systemd and cgroupfs drivers), ECS, LXC and systemd make; where they nest, the innermost
// container counts. Total: any text gives an answer.
CgroupInfo ParseCgroup(std::string_view text);

}  // namespace sonde::process
