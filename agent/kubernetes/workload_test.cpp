#include "agent/kubernetes/workload.h"

#include <gtest/gtest.h>

namespace sonde::kubernetes {
namespace {

TEST(Workload, IsWhatOutlivesThePod) {
  struct {
    const char* pod;
    Owner controller;
    const char* hash;
    Owner expected;
  } const cases[] = {
      {"web-5d4f8c7b9d-abcde", {"ReplicaSet", "web-5d4f8c7b9d"}, "5d4f8c7b9d", {"Deployment", "web"}},
      {"web-abcde", {"ReplicaSet", "web"}, "", {"ReplicaSet", "web"}},
      {"web-x-abcde", {"ReplicaSet", "web-x"}, "y", {"ReplicaSet", "web-x"}},
      {"db-0", {"StatefulSet", "db"}, "", {"StatefulSet", "db"}},
      {"log-abcde", {"DaemonSet", "log"}, "", {"DaemonSet", "log"}},
      {"backup-28371234-abcde", {"Job", "backup-28371234"}, "", {"CronJob", "backup"}},
      {"migrate-7-abcde", {"Job", "migrate-7"}, "", {"Job", "migrate-7"}},
      {"28371234-abcde", {"Job", "28371234"}, "", {"Job", "28371234"}},
      {"kube-apiserver-node-1", {"Node", "node-1"}, "", {"StaticPod", "kube-apiserver"}},
      {"debug", {}, "", {"Pod", "debug"}},
      {"crd-abcde", {"Rollout", "crd"}, "", {"Rollout", "crd"}},
  };
  for (const auto& one : cases) EXPECT_EQ(WorkloadOf(one.pod, one.controller, one.hash), one.expected) << one.pod;
}

}  // namespace
}  // namespace sonde::kubernetes
