#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

v1::TargetGroup* AddGroup(v1::TargetsReply* reply, const std::string& service, const std::string& process) {
  v1::TargetGroup* group = reply->add_groups();
  (*group->mutable_labels())["service_name"] = service;
  (*group->mutable_labels())["process"] = process;
  return group;
}

v1::TargetsReply ThreeKinds() {
  v1::TargetsReply reply;
  reply.set_processes(1234);
  reply.set_series(17);
  reply.set_dropped_processes(3);
  reply.set_all_groups(5);
  v1::TargetGroup* dropped = AddGroup(&reply, "getty\x1b[31m", "agetty");
  dropped->set_processes(3);
  for (uint32_t pid : {7, 8, 9}) dropped->add_pids(pid);
  dropped->set_dropped_by("2 (drop service_name =~ \"getty.*\")");
  v1::TargetGroup* same = AddGroup(&reply, "db", "postgres");
  same->set_processes(1);
  same->add_pids(42);
  (*same->mutable_series())["service_name"] = "db";
  v1::TargetGroup* changed = AddGroup(&reply, "web", "nginx");
  changed->set_processes(40);
  for (uint32_t pid = 100; pid < 132; ++pid) changed->add_pids(pid);
  (*changed->mutable_meta())["__meta_kubernetes_pod_qos"] = "burstable";
  (*changed->mutable_series())["service_name"] = "shop";
  (*changed->mutable_series())["shard"] = "3";
  return reply;
}

TEST_F(AgentctlTest, TargetsShowLabelsBeforeAndAfterAndWhyDropped) {
  backend_.targets = ThreeKinds();
  const Outcome outcome = Run({"targets"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(
      outcome.out,
      "1,234 processes in 17 series; 3 dropped by rules\n"
      "\n"
      "agetty  pids 7, 8, 9\n"
      "  labels  {process=\"agetty\", service_name=\"getty?[31m\"}\n"
      "  series  dropped by relabel rule 2 (drop service_name =~ \"getty.*\"): in the account, but in no profile\n"
      "\n"
      "postgres  pid 42\n"
      "  labels  {process=\"postgres\", service_name=\"db\"}\n"
      "  series  unchanged\n"
      "\n"
      "nginx  pids 100, 101, 102, 103, 104, 105, 106, 107 and 32 more\n"
      "  labels  {process=\"nginx\", service_name=\"web\"}\n"
      "  beside  {__meta_kubernetes_pod_qos=\"burstable\"}\n"
      "  series  {service_name=\"shop\", shard=\"3\"}\n"
      "\n"
      "2 more sets of labels (--limit shows more)\n");
  EXPECT_EQ(backend_.targets_request.limit(), 100U);
}

TEST_F(AgentctlTest, TargetsTellOfKubernetesAndOfWhatIsFolded) {
  backend_.targets.set_processes(2);
  backend_.targets.set_series(1);
  backend_.targets.set_folded_processes(2);
  v1::TargetGroup* folded = AddGroup(&backend_.targets, "web", "nginx");
  folded->set_folded(true);
  folded->set_processes(2);
  (*folded->mutable_series())["service_name"] = "[beyond the limit of series]";
  v1::KubernetesPods* pods = backend_.targets.mutable_kubernetes();
  pods->set_pods(23);
  pods->set_error("the API answers 403: no");
  const Outcome outcome = Run({"targets", "--service", "web", "--pid", "7", "--limit", "3"});
  EXPECT_THAT(outcome.out, HasSubstr("2 processes in 1 series; 2 beyond the limit of series, in one\n"));
  EXPECT_THAT(outcome.out,
              HasSubstr("Kubernetes: 23 pods of this node, heard of never; now the API answers 403: no\n"));
  EXPECT_THAT(
      outcome.out,
      HasSubstr(
          "  series  folded into {service_name=\"[beyond the limit of series]\"}: labels.max_series is reached\n"));
  EXPECT_EQ(backend_.targets_request.service(), "web");
  EXPECT_EQ(backend_.targets_request.pid(), 7U);
  EXPECT_EQ(backend_.targets_request.limit(), 3U);
}

TEST_F(AgentctlTest, TargetsAsJsonAreTheWholeAnswer) {
  backend_.targets = ThreeKinds();
  const Outcome outcome = Run({"targets", "-o", "json"});
  v1::TargetsReply reply;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(outcome.out, &reply).ok()) << outcome.out;
  EXPECT_EQ(reply.groups(2).series().at("shard"), "3");
  EXPECT_EQ(reply.groups(0).dropped_by(), "2 (drop service_name =~ \"getty.*\")");
}

}  // namespace
}  // namespace sonde
