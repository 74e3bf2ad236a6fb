#include "agent/process/process_labels.h"

#include <gtest/gtest.h>

namespace sonde::process {
namespace {

using profile::Labels;

ProcessSnapshot Snapshot(const std::string& executable) {
  ProcessSnapshot snapshot;
  snapshot.stat.comm = "comm";
  snapshot.executable = executable;
  return snapshot;
}

model::PodInfo WebPod(const std::string& container_id) {
  model::PodInfo pod;
  pod.name = "web-5d4f8c7b9d-abcde";
  pod.name_space = "shop";
  pod.workload = "web";
  pod.workload_kind = "Deployment";
  pod.containers = {{container_id, "nginx"}};
  pod.labels = {{"app.kubernetes.io/name", "web"}};
  pod.annotations = {{"example.org/team", "frontend"}};
  return pod;
}

TEST(ProcessLabels, TellOfAProgramOfNobodyItsNameAndNode) {
  EXPECT_EQ(LabelsOf(Snapshot("postgres"), nullptr, "node1", {}),
            (Labels{{"service_name", "postgres"}, {"process", "postgres"}, {"node", "node1"}}));
}

TEST(ProcessLabels, TellUnitAndSlice) {
  auto snapshot = Snapshot("python3.11");
  snapshot.cgroup.unit = "web.service";
  snapshot.cgroup.slice = "system.slice";
  EXPECT_EQ(
      LabelsOf(snapshot, nullptr, "", {}),
      (Labels{{"service_name", "web"}, {"process", "python3.11"}, {"unit", "web.service"}, {"slice", "system.slice"}}));
}

TEST(ProcessLabels, TellContainerAndPod) {
  auto snapshot = Snapshot("nginx");
  snapshot.cgroup.container_id = std::string(64, 'a');
  snapshot.cgroup.pod_uid = "uid";
  snapshot.cgroup.slice = "kubepods.slice";
  const model::PodInfo pod = WebPod(snapshot.cgroup.container_id);
  EXPECT_EQ(LabelsOf(snapshot, &pod, "node1", {}), (Labels{{"service_name", "web/nginx"},
                                                           {"process", "nginx"},
                                                           {"node", "node1"},
                                                           {"container_id", std::string(64, 'a')},
                                                           {"namespace", "shop"},
                                                           {"pod", "web-5d4f8c7b9d-abcde"},
                                                           {"container", "nginx"},
                                                           {"workload", "web"},
                                                           {"workload_kind", "Deployment"}}));
}

TEST(ProcessLabels, GiveRulesMoreToChooseFrom) {
  auto snapshot = Snapshot("nginx");
  snapshot.cgroup.runtime = "containerd";
  snapshot.cgroup.slice = "kubepods.slice";
  snapshot.cgroup.pod_uid = "uid";
  snapshot.cgroup.qos = "burstable";
  snapshot.environment = {{"TEAM", "x"}};
  const model::PodInfo pod = WebPod("");
  EXPECT_EQ(MetaLabelsOf(snapshot, &pod), (Labels{{"__meta_process_name", "nginx"},
                                                  {"__meta_container_runtime", "containerd"},
                                                  {"__meta_systemd_slice", "kubepods.slice"},
                                                  {"__meta_kubernetes_pod_uid", "uid"},
                                                  {"__meta_kubernetes_pod_qos", "burstable"},
                                                  {"__meta_env_var_TEAM", "x"},
                                                  {"__meta_kubernetes_pod_label_app_kubernetes_io_name", "web"},
                                                  {"__meta_kubernetes_pod_annotation_example_org_team", "frontend"}}));
}

TEST(ProcessLabels, AreValidUtf8AndBoundedAndNeverEmpty) {
  auto labels = LabelsOf(Snapshot("a\xff" + std::string(1'000, 'b')), nullptr, "", {});
  EXPECT_LE(labels["process"].size(), 256U);
  EXPECT_EQ(labels["process"].substr(0, 5),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(labels.count("node"), 0U);
  EXPECT_EQ(LabelsOf(Snapshot(""), nullptr, "", {})["process"], "comm");
}

TEST(ProcessLabels, CallAllKernelThreadsTheKernel) {
  ProcessSnapshot snapshot;
  snapshot.stat = {"kworker/0:1-events", 'I', true, 1};
  EXPECT_EQ(LabelsOf(snapshot, nullptr, "", {}), (Labels{{"service_name", "kernel"}, {"process", "kworker"}}));
}

TEST(KernelThreadName, LeavesOutWhatTellsInstancesApart) {
  const std::pair<const char*, const char*> cases[] = {{"kworker/0:1-events", "kworker"},
                                                       {"kworker/u8:3-ext4-rsv", "kworker"},
                                                       {"ksoftirqd/12", "ksoftirqd"},
                                                       {"jbd2/sda1-8", "jbd2"},
                                                       {"kswapd0", "kswapd"},
                                                       {"scsi_eh_1", "scsi_eh"},
                                                       {"irq/24-nvme0q0", "irq"},
                                                       {"kthreadd", "kthreadd"},
                                                       {"xfs-buf/dm-0", "xfs-buf"},
                                                       {"migration/0", "migration"},
                                                       {"loop7", "loop"},
                                                       {"123", "123"},
                                                       {"", ""},
                                                       {"/x", "/x"}};
  for (const auto& [comm, name] : cases) EXPECT_EQ(KernelThreadName(comm), name) << comm;
}

}  // namespace
}  // namespace sonde::process
