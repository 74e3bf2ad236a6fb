#include "agent/kubernetes/pod_json.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"

namespace sonde::kubernetes {
namespace {

using Texts = std::map<std::string, std::string>;

// As an API server gives it, shortened.
constexpr char kPod[] = R"({
  "metadata": {
    "name": "web-5d4f8c7b9d-abcde", "generateName": "web-5d4f8c7b9d-", "namespace": "shop",
    "uid": "2b6b4c6e-1a2b-4c3d-9e8f-001122334455", "resourceVersion": "4711",
    "labels": {"app": "web", "pod-template-hash": "5d4f8c7b9d", "tier": "front"},
    "annotations": {"example.org/team": "a", "secret": "b"},
    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d4f8c7b9d", "uid": "u", "controller": true}],
    "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:metadata": {"f:labels": {".": {}}}}}]
  },
  "spec": {"nodeName": "n1", "containers": [{"name": "nginx", "image": "nginx"}]},
  "status": {
    "phase": "Running",
    "containerStatuses": [
      {"name": "nginx", "containerID": "containerd://aaaa", "state": {"running": {}}},
      {"name": "waiting", "state": {"waiting": {"reason": "ContainerCreating"}}}],
    "initContainerStatuses": [{"name": "setup", "containerID": "containerd://bbbb"}],
    "ephemeralContainerStatuses": [{"name": "debug", "containerID": "cri-o://cccc"}]
  }
})";

std::string ListOf(const std::string& pods) {
  return absl::StrCat(R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"100"},"items":[)", pods,
                      "]}");
}
std::string Event(const std::string& type, const std::string& object) {
  return absl::StrCat(R"({"type":")", type, R"(","object":)", object, "}");
}

TEST(PodJson, ReadsAListOfPods) {
  const auto list = ParsePodList(ListOf(kPod), {.labels = {"app", "absent"}, .annotations = {"example.org/team"}});
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->resource_version, "100");
  ASSERT_EQ(list->pods.size(), 1U);
  const model::PodInfo& pod = list->pods[0];
  EXPECT_EQ(pod.name, "web-5d4f8c7b9d-abcde");
  EXPECT_EQ(pod.name_space, "shop");
  EXPECT_EQ(pod.uid, "2b6b4c6e-1a2b-4c3d-9e8f-001122334455");
  EXPECT_EQ(pod.workload, "web");
  EXPECT_EQ(pod.workload_kind, "Deployment");
  EXPECT_EQ(pod.containers, (Texts{{"aaaa", "nginx"}, {"bbbb", "setup"}, {"cccc", "debug"}}));
  EXPECT_EQ(pod.labels, (Texts{{"app", "web"}}));
  EXPECT_EQ(pod.annotations, (Texts{{"example.org/team", "a"}}));
}

TEST(PodJson, KeepsNoLabelThatNobodyAskedFor) {
  const auto list = ParsePodList(ListOf(kPod), {});
  EXPECT_TRUE(list->pods[0].labels.empty());
  EXPECT_TRUE(list->pods[0].annotations.empty());
}

TEST(PodJson, ReadsEmptyLists) {
  EXPECT_TRUE(ParsePodList(ListOf(""), {})->pods.empty());
  EXPECT_TRUE(ParsePodList(R"({"metadata":{"resourceVersion":"1"},"items":null})", {})->pods.empty());
}

TEST(PodJson, KnowsStaticPodsByWhatTheirControlGroupsAreCalled) {
  const auto list = ParsePodList(
      ListOf(R"({"metadata":{"name":"etcd-n1","uid":"u","annotations":{"kubernetes.io/config.hash":"0123"},)"
             R"("ownerReferences":[{"kind":"Node","name":"n1","controller":true}]}})"),
      {});
  EXPECT_EQ(list->pods.at(0).static_uid, "0123");
  EXPECT_EQ(list->pods.at(0).workload, "etcd");
}

TEST(PodJson, ReadsEventsOfAWatch) {
  for (const char* type : {"ADDED", "MODIFIED"}) {
    const auto event = ParsePodEvent(Event(type, kPod), {});
    ASSERT_TRUE(event.ok()) << event.status();
    EXPECT_EQ(event->kind, PodEvent::Kind::kSet);
    EXPECT_EQ(event->resource_version, "4711");
    EXPECT_EQ(event->pod.name, "web-5d4f8c7b9d-abcde");
  }
  EXPECT_EQ(ParsePodEvent(Event("DELETED", kPod), {})->kind, PodEvent::Kind::kRemoved);
  const auto bookmark = ParsePodEvent(Event("BOOKMARK", R"({"kind":"Pod","metadata":{"resourceVersion":"5000"}})"), {});
  EXPECT_EQ(bookmark->kind, PodEvent::Kind::kBookmark);
  EXPECT_EQ(bookmark->resource_version, "5000");
}

TEST(PodJson, ReadsWhatTheApiSaysIsWrong) {
  constexpr char kGone[] =
      R"({"kind":"Status","status":"Failure","message":"too old resource version","reason":"Expired","code":410})";
  const auto event = ParsePodEvent(Event("ERROR", kGone), {});
  EXPECT_EQ(event->kind, PodEvent::Kind::kError);
  EXPECT_EQ(event->error_code, 410);
  EXPECT_EQ(event->error, "too old resource version");
  EXPECT_EQ(ParseStatusMessage(kGone), "too old resource version");
  EXPECT_EQ(ParseStatusMessage("<html>"), "");
}

TEST(PodJson, RefusesWhatIsNoAnswer) {
  for (const std::string& text :
       {std::string(), std::string("null"), std::string("[]"), std::string("{}"), std::string("<html>"),
        std::string(R"({"metadata":{"resourceVersion":"1"},"items":5})"), std::string(100'000, '[')}) {
    EXPECT_FALSE(ParsePodList(text, {}).ok()) << text.substr(0, 40);
    EXPECT_FALSE(ParsePodEvent(text, {}).ok()) << text.substr(0, 40);
  }
  EXPECT_FALSE(ParsePodEvent(Event("CONQUERED", kPod), {}).ok());
  EXPECT_FALSE(ParsePodEvent(Event("ADDED", R"({"metadata":{"resourceVersion":"1"}})"), {}).ok());
}

TEST(PodJson, BoundsWhatItKeeps) {
  std::string statuses;
  for (int i = 0; i < 100; ++i)
    absl::StrAppend(&statuses, i > 0 ? "," : "", R"({"name":"c","containerID":"x://)", i, "\"}");
  const auto list = ParsePodList(ListOf(absl::StrCat(R"({"metadata":{"uid":"u","name":")", std::string(1'000, 'n'),
                                                     R"("},"status":{"containerStatuses":[)", statuses, "]}}")),
                                 {});
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->pods[0].containers.size(), 64U);
  EXPECT_EQ(list->pods[0].name.size(), 256U);
}

TEST(PodJson, SurvivesAnyText) {
  std::mt19937 random(7);
  const std::string text = ListOf(kPod), event = Event("ADDED", kPod);
  for (int round = 0; round < 500; ++round) {
    std::string changed = round % 2 == 0 ? text : event;
    for (char& c : changed) {
      if (random() % 64 == 0) c = static_cast<char>(random());
    }
    (void)ParsePodList(changed, {.labels = {"app"}, .annotations = {}});
    (void)ParsePodEvent(changed, {.labels = {"app"}, .annotations = {}});
  }
}

}  // namespace
}  // namespace sonde::kubernetes
