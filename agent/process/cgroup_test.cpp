#include "agent/process/cgroup.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"

namespace sonde::process {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kOther = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
const std::string kUid = "2b6b4c6e-1a2b-4c3d-9e8f-001122334455";
const std::string kUidUnderscored = "2b6b4c6e_1a2b_4c3d_9e8f_001122334455";

struct Case {
  const char* what;
  std::string text;
  CgroupInfo expected;
};

std::vector<Case> Cases() {
  const std::string besteffort = "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod";
  const std::string pod_slice = absl::StrCat("kubepods-besteffort-pod", kUidUnderscored, ".slice");
  const std::string burstable = absl::StrCat("kubepods-burstable-pod", kUidUnderscored, ".slice");
  return {
      {"nothing", "", {}},
      {"root of version 2", "0::/\n", {}},
      {"systemd service", "0::/system.slice/nginx.service\n", {"", "", "", "nginx.service", "system.slice"}},
      {"service with folders of its own",
       "0::/system.slice/db.service/worker\n",
       {"", "", "", "db.service", "system.slice"}},
      {"instance of a template",
       "0::/system.slice/system-getty.slice/getty@tty1.service",
       {"", "", "", "getty@tty1.service", "system-getty.slice"}},
      {"login session", "0::/user.slice/user-1000.slice/session-3.scope\n", {"", "", "", "", "user-1000.slice"}},
      {"program of a desktop",
       "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-browser-77.scope\n",
       {"", "", "", "", "app.slice"}},
      {"docker with systemd",
       absl::StrCat("0::/system.slice/docker-", kId, ".scope\n"),
       {kId, "docker", "", "", "system.slice"}},
      {"docker with cgroupfs, version 1",
       absl::StrCat("12:pids:/docker/", kId, "\n1:name=systemd:/docker/", kId, "\n"),
       {kId, "docker", "", "", ""}},
      {"containerd in Kubernetes with systemd",
       absl::StrCat(besteffort, kUidUnderscored, ".slice/cri-containerd-", kId, ".scope\n"),
       {kId, "containerd", kUid, "", pod_slice, "besteffort"}},
      {"CRI-O in Kubernetes with systemd",
       absl::StrCat("0::/kubepods.slice/kubepods-burstable.slice/", burstable, "/crio-", kId, ".scope/container\n"),
       {kId, "crio", kUid, "", burstable, "burstable"}},
      {"guaranteed pod",
       absl::StrCat("0::/kubepods.slice/kubepods-pod", kUidUnderscored, ".slice/cri-containerd-", kId, ".scope"),
       {kId, "containerd", kUid, "", absl::StrCat("kubepods-pod", kUidUnderscored, ".slice"), "guaranteed"}},
      {"Kubernetes with cgroupfs",
       absl::StrCat("0::/kubepods/burstable/pod", kUid, "/", kId, "\n"),
       {kId, "", kUid, "", "", "burstable"}},
      {"guaranteed pod with cgroupfs",
       absl::StrCat("0::/kubepods/pod", kUid, "/", kId, "\n"),
       {kId, "", kUid, "", "", "guaranteed"}},
      {"static pod",
       absl::StrCat("0::/kubepods/besteffort/pod0123456789abcdef0123456789abcdef/", kId),
       {kId, "", "0123456789abcdef0123456789abcdef", "", "", "besteffort"}},
      {"systemd path driven by cgroupfs",
       absl::StrCat("0::/system.slice/containerd.service/kubepods-pod", kUidUnderscored, ".slice:cri-containerd:", kId),
       {kId, "containerd", kUid, "containerd.service", "system.slice", "guaranteed"}},
      {"podman of a user",
       absl::StrCat("0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-", kId, ".scope/container"),
       {kId, "podman", "", "", "user.slice"}},
      {"podman with cgroupfs", absl::StrCat("0::/libpod_parent/libpod-", kId), {kId, "podman", "", "", ""}},
      {"podman of a user with cgroupfs, version 1",
       absl::StrCat("5:cpu:/user.slice/user-1000.slice/libpod_parent/libpod-", kId, "\n",
                    "1:name=systemd:/user.slice/user-1000.slice/session-2.scope\n"),
       {kId, "podman", "", "", "user-1000.slice"}},
      {"podman of root with systemd",
       absl::StrCat("0::/machine.slice/libpod-", kId, ".scope/container\n"),
       {kId, "podman", "", "", "machine.slice"}},
      {"a pod of podman is none of Kubernetes",
       absl::StrCat("0::/machine.slice/machine-libpod_pod_", kOther, ".slice/libpod-", kId, ".scope"),
       {kId, "podman", "", "", absl::StrCat("machine-libpod_pod_", kOther, ".slice")}},
      {"podman within a service of its own",
       absl::StrCat("0::/system.slice/web.service/libpod-payload-", kId),
       {kId, "podman", "", "web.service", "system.slice"}},
      {"docker of a user",
       absl::StrCat("0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-", kId, ".scope"),
       {kId, "docker", "", "", "user.slice"}},
      {"nerdctl with systemd",
       absl::StrCat("0::/system.slice/nerdctl-", kId, ".scope"),
       {kId, "containerd", "", "", "system.slice"}},
      {"CRI-O in Kubernetes with cgroupfs, version 1",
       absl::StrCat("11:cpu,cpuacct:/kubepods/besteffort/pod", kUid, "/crio-", kId, "\n"),
       {kId, "crio", kUid, "", "", "besteffort"}},
      {"the watcher of CRI-O's container is in its pod only",
       absl::StrCat("0::/kubepods.slice/kubepods-burstable.slice/", burstable, "/crio-conmon-", kId, ".scope"),
       {"", "", kUid, "", burstable, "burstable"}},
      {"k3s with cgroupfs, version 1",
       absl::StrCat("8:memory:/kubepods/burstable/pod", kUid, "/", kId, "\n1:name=systemd:/kubepods/burstable/pod",
                    kUid, "/", kId, "\n"),
       {kId, "", kUid, "", "", "burstable"}},
      {"k3s of a user",
       absl::StrCat(
           "0::/user.slice/user-1000.slice/user@1000.service/app.slice/k3s-rootless.service/kubepods/besteffort/",
           "pod", kUid, "/", kId),
       {kId, "", kUid, "k3s-rootless.service", "app.slice", "besteffort"}},
      {"k3d: k3s in Docker",
       absl::StrCat("0::/system.slice/docker-", kOther, ".scope/kubepods/burstable/pod", kUid, "/", kId),
       {kId, "", kUid, "", "system.slice", "burstable"}},
      {"kind: a pod of Kubernetes in Docker",
       absl::StrCat("0::/system.slice/docker-", kOther, ".scope/kubelet.slice/kubelet-kubepods.slice/",
                    "kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod", kUidUnderscored,
                    ".slice/cri-containerd-", kId, ".scope"),
       {kId, "containerd", kUid, "", absl::StrCat("kubelet-kubepods-besteffort-pod", kUidUnderscored, ".slice"),
        "besteffort"}},
      {"Docker within a pod",
       absl::StrCat("0::/kubepods/burstable/pod", kUid, "/", kOther, "/docker/", kId),
       {kId, "docker", kUid, "", "", "burstable"}},
      {"seen from a control group namespace further in",
       absl::StrCat("0::/../../", pod_slice, "/cri-containerd-", kId, ".scope"),
       {kId, "containerd", kUid, "", pod_slice, "besteffort"}},
      {"hybrid: units by systemd's hierarchy, version 2 empty",
       absl::StrCat("12:memory:/system.slice/docker-", kId, ".scope\n1:name=systemd:/system.slice/docker-", kId,
                    ".scope\n0::/\n"),
       {kId, "docker", "", "", "system.slice"}},
      {"the watcher of a container is not in it",
       absl::StrCat("0::/machine.slice/libpod-conmon-", kId, ".scope"),
       {"", "", "", "", "machine.slice"}},
      {"ECS on EC2", absl::StrCat("9:memory:/ecs/0123456789abcdef0123456789abcdef/", kId), {kId, "", "", "", ""}},
      {"ECS on Fargate",
       "9:memory:/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-1234567890",
       {"0123456789abcdef0123456789abcdef-1234567890", "ecs", "", "", ""}},
      {"LXC", "0::/lxc.payload.web1/system.slice/nginx.service", {"web1", "lxc", "", "nginx.service", "system.slice"}},
      {"old LXC", "4:cpu:/lxc/web1\n", {"web1", "lxc", "", "", ""}},
      {"LXC's watcher", "0::/lxc.monitor.web1", {}},
      {"kind: Kubernetes in Docker",
       absl::StrCat("0::/docker/", kOther, "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-", kId, ".scope"),
       {kId, "containerd", "", "", "kubelet-kubepods.slice"}},
      {"both versions at once",
       absl::StrCat("4:memory:/docker/", kId, "\n1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n"),
       {kId, "docker", "", "a.service", "system.slice"}},
      {"hexadecimal of another length", absl::StrCat("0::/docker/", kId.substr(1), "\n"), {}},
      {"colon in a path", absl::StrCat("0::/a:b/docker-", kId, ".scope"), {kId, "docker", "", "", ""}},
      {"lines of nonsense", "::::\n\n:\nabc\n0:\n", {}},
  };
}

TEST(Cgroup, TellsTheWorkloadOfEveryKnownForm) {
  for (const Case& one : Cases()) {
    CgroupInfo info = ParseCgroup(one.text);
    EXPECT_EQ(info.container_id, one.expected.container_id) << one.what;
    EXPECT_EQ(info.runtime, one.expected.runtime) << one.what;
    EXPECT_EQ(info.pod_uid, one.expected.pod_uid) << one.what;
    EXPECT_EQ(info.unit, one.expected.unit) << one.what;
    EXPECT_EQ(info.slice, one.expected.slice) << one.what;
    EXPECT_EQ(info.qos, one.expected.qos) << one.what;
  }
}

TEST(Cgroup, SurvivesAnyText) {
  std::mt19937 random(7);
  for (const Case& one : Cases()) {
    for (int round = 0; round < 200; ++round) {
      std::string text = one.text;
      for (char& c : text) {
        if (random() % 8 == 0) c = static_cast<char>(random());
      }
      (void)ParseCgroup(text);
    }
  }
  (void)ParseCgroup("0::/" + std::string(100'000, '-'));
}

}  // namespace
}  // namespace sonde::process
