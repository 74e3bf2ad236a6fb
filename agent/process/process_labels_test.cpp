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

TEST(ProcessLabels, NameTheServiceAfterTheExecutableByDefault) {
  EXPECT_EQ(LabelsOf(Snapshot("postgres"), "node1", {}),
            (Labels{{"service_name", "postgres"}, {"process", "postgres"}, {"node", "node1"}}));
}

TEST(ProcessLabels, NameTheServiceAfterItsUnit) {
  auto snapshot = Snapshot("python3.11");
  snapshot.cgroup.unit = "web.service";
  EXPECT_EQ(LabelsOf(snapshot, "", {}),
            (Labels{{"service_name", "web"}, {"process", "python3.11"}, {"unit", "web.service"}}));
}

TEST(ProcessLabels, NameTheServiceAfterTheContainersShortId) {
  auto snapshot = Snapshot("nginx");
  snapshot.cgroup.container_id = std::string(64, 'a');
  snapshot.cgroup.unit = "inner.service";
  auto labels = LabelsOf(snapshot, "", {});
  EXPECT_EQ(labels["service_name"], std::string(12, 'a'));
  EXPECT_EQ(labels["container_id"], std::string(64, 'a'));
}

TEST(ProcessLabels, ObeyTheFirstRuleThatFits) {
  std::vector<ServiceRule> rules = {{"other", "x"}, {"nginx", "edge"}, {"nginx", "late"}};
  EXPECT_EQ(LabelsOf(Snapshot("nginx"), "", rules)["service_name"], "edge");
}

TEST(ProcessLabels, AreValidUtf8AndBoundedAndNeverEmpty) {
  auto labels = LabelsOf(Snapshot("a\xff" + std::string(1'000, 'b')), "", {});
  EXPECT_LE(labels["process"].size(), 256U);
  EXPECT_EQ(labels["process"].substr(0, 5),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(labels.count("node"), 0U);
  EXPECT_EQ(LabelsOf(Snapshot(""), "", {})["process"], "comm");
}

TEST(ProcessLabels, CallAllKernelThreadsTheKernel) {
  ProcessSnapshot snapshot;
  snapshot.stat = {"kworker/0:1-events", 'I', true, 1};
  EXPECT_EQ(LabelsOf(snapshot, "", {}), (Labels{{"service_name", "kernel"}, {"process", "kworker"}}));
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
