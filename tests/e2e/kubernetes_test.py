"""Names of pods come from the Kubernetes API, whatever it does, and never hold anything up."""

import os
import signal
import unittest

import kubernetes_api
import sonde_processes as sonde
from labels_test import SLICE, LabelsTest

NODE = "node-1"
UID = {name: f"2b6b4c6e-1a2b-4c3d-9e8f-00112233445{number}" for number, name in enumerate(("web", "late"))}
ID = {name: f"{os.getpid():08x}".ljust(64, digit) for name, digit in (("web", "a"), ("late", "b"))}

CONFIG = """
node: {node}
labels:
  pod_labels: [tier]
  service_name: ["annotation:example.org/service"]
relabel:
  - {{regex: __meta_kubernetes_pod_label_(.+), replacement: pod_$1, action: labelmap}}
kubernetes:
  api_server: {address}
  service_account: {account}
"""


def web(tier, **more):
    return kubernetes_api.pod("web-5d4f8c7b9d-abcde", UID["web"], NODE, {"nginx": ID["web"]}, owner=("ReplicaSet", "web-5d4f8c7b9d"),
                              labels={"tier": tier, "pod-template-hash": "5d4f8c7b9d", "other": "x"}, **more)


def late():
    return kubernetes_api.pod("late-0", UID["late"], NODE, {"late": ID["late"]}, owner=("StatefulSet", "late"))


class Kubernetes(LabelsTest):
    def setUp(self):
        super().setUp()
        self.api = kubernetes_api.KubernetesApi(NODE)
        self.addCleanup(lambda: self.api.stop())

    def start(self, api=None):
        api = api or self.api
        return self.agent(self.collector().grpc,
                          flags=self.configured(CONFIG.format(node=NODE, address=api.address, account=api.account)))

    def worker_in(self, name):
        pod = f"kubepods-burstable-pod{UID[name].replace('-', '_')}.slice"
        return self.worker(f"{SLICE}/{pod}/cri-containerd-{ID[name]}.scope")

    def wait_for_label(self, agent, pid, name, value):
        return self.wait_for_target(agent, pid, lambda target: target["series"].get(name) == value)

    def state(self, agent):
        return sonde.agentctl(agent.socket, "targets", "--limit", 1).stdout

    def test_list_then_watch(self):
        self.api.set(web("front"))
        pid, late_pid = self.worker_in("web"), self.worker_in("late")
        agent = self.start()
        series = self.wait_for_label(agent, pid, "pod", "web-5d4f8c7b9d-abcde")["series"]
        self.assertEqual(series, {"service_name": "web/nginx", "node": NODE, "namespace": "shop", "pod": "web-5d4f8c7b9d-abcde",
                                  "container": "nginx", "container_id": ID["web"], "workload": "web",
                                  "workload_kind": "Deployment", "pod_tier": "front"})
        self.assertEqual(self.target(agent, late_pid)["series"]["service_name"], ID["late"][:12], "a pod that nobody knows yet")

        self.api.set(late())
        self.assertEqual(self.wait_for_label(agent, late_pid, "pod", "late-0")["series"]["service_name"], "late")
        self.api.bookmark()
        self.api.set(web("back", annotations={"example.org/service": "shop-front"}))
        self.assertEqual(self.wait_for_label(agent, pid, "pod_tier", "back")["series"]["service_name"], "shop-front")
        self.api.remove(web("back"))
        sonde.wait_until(lambda: self.state(agent), lambda: "Kubernetes: 1 pods of this node" in self.state(agent))
        self.assertEqual(self.target(agent, pid)["series"]["pod_tier"], "back", "who still runs keeps its names")
        self.assertEqual([one.status for one in self.api.requests], [200, 200], "one list and one watch")
        self.assertEqual(agent.stop(), 0, agent.said())

    def test_a_watch_that_ends_goes_on_where_it_was(self):
        self.api.set(web("front"))
        pid, late_pid = self.worker_in("web"), self.worker_in("late")
        agent = self.start()
        self.wait_for_label(agent, pid, "pod_tier", "front")
        self.api.cut_watches()
        self.api.set(late())
        self.wait_for_label(agent, late_pid, "pod", "late-0")
        self.assertEqual(len(self.api.lists()), 1)

    def expect_relist(self):
        self.api.set(web("front"))
        pid = self.worker_in("web")
        agent = self.start()
        self.wait_for_label(agent, pid, "pod_tier", "front")
        self.api.forget()
        self.api.set(web("back"))
        self.wait_for_label(agent, pid, "pod_tier", "back")
        self.api.set(web("side"))
        self.wait_for_label(agent, pid, "pod_tier", "side")
        self.assertIn(410, [one.status for one in self.api.requests])
        self.assertEqual([one.resource_version for one in self.api.lists()], ["0", ""], "the second not from a cache")

    def test_a_version_that_is_gone_is_listed_anew(self):
        self.expect_relist()

    def test_a_version_that_is_gone_may_be_told_in_the_watch(self):
        self.api.gone_as_event = True
        self.expect_relist()

    def test_a_token_that_expires_is_read_anew(self):
        self.api.set(web("front"))
        pid = self.worker_in("web")
        agent = self.start()
        self.wait_for_label(agent, pid, "pod_tier", "front")
        self.api.token = "second"
        self.api.cut_watches()
        sonde.wait_until(lambda: self.state(agent), lambda: "the API answers 401: Unauthorized" in self.state(agent))
        self.assertIn("new ones are labelled by container id only", " ".join(agent.status()["degraded"]))
        self.assertEqual(self.target(agent, pid)["series"]["pod_tier"], "front", "what was known stays")
        self.api.set(web("back"))
        self.api.write_token()
        self.wait_for_label(agent, pid, "pod_tier", "back")
        self.assertEqual(agent.status()["degraded"], [line for line in agent.status()["degraded"] if "Kubernetes" not in line])

    def test_an_api_that_is_away_or_not_to_be_trusted_holds_nobody_up(self):
        pid = self.worker_in("web")
        other = kubernetes_api.KubernetesApi(NODE)
        self.addCleanup(other.stop)
        right = (self.api.account / "ca.crt").read_bytes()
        (self.api.account / "ca.crt").write_bytes((other.account / "ca.crt").read_bytes())
        self.api.set(web("front"))
        agent = self.start()
        self.assertEqual(self.target(agent, pid)["series"]["service_name"], ID["web"][:12])
        sonde.wait_until(lambda: self.state(agent), lambda: "certificate" in self.state(agent))
        self.assertEqual(self.api.requests, [], "a token was shown to somebody who is not trusted")
        (self.api.account / "ca.crt").write_bytes(right)
        self.wait_for_label(agent, pid, "pod_tier", "front")
        self.assertEqual(agent.stop(signal.SIGTERM), 0, agent.said())


if __name__ == "__main__":
    unittest.main()
