"""Processes in real control groups, as runtimes and systemd make these, must have the labels that these and the rules say."""

import gzip
import json
import os
import sys
import unittest

import sonde_processes as sonde
import workload_cgroup

WORKER = "import time\nwhile True: time.sleep(0.02)"
ID = {name: (f"{os.getpid():08x}" + name.encode().hex()).ljust(64, "0")[:64] for name in ("docker", "podman", "crio")}
SLICE = f"sonde-e2e-{os.getpid()}.slice"


class LabelsTest(sonde.SondeTest):
    def configured(self, text):
        path = self.folder / "sonde.yaml"
        path.write_text(text)
        return ("--config", path)

    def worker(self, cgroup, environment=None):
        """The pid of a program that waits again and again, within the control group."""
        group = workload_cgroup.WorkloadCgroup(cgroup)
        self.addCleanup(group.remove)
        program = sonde.Program(self.folder, [sys.executable, "-c", WORKER], preexec=group.enter,
                                environment={**(environment or {}), "PATH": os.environ["PATH"]})
        self.keep(program)
        return program.pid

    def target(self, agent, pid):
        """What `agentctl targets` says of it."""
        done = sonde.agentctl(agent.socket, "targets", "--pid", pid, "-o", "json")
        return json.loads(done.stdout)["groups"][0] if done.returncode == 0 else None

    def wait_for_target(self, agent, pid, condition):
        found = []

        def holds():
            found.append(self.target(agent, pid))
            return found[-1] is not None and condition(found[-1])

        sonde.wait_until(lambda: f"for other labels of {pid} than {found[-1]}", holds)
        return found[-1]


class ControlGroups(LabelsTest):
    def test_programs_are_labelled_by_their_control_groups(self):
        pids = {
            "docker": self.worker(f"{SLICE}/docker-{ID['docker']}.scope"),
            "podman": self.worker(f"{SLICE}/user@1000.service/user.slice/libpod-{ID['podman']}.scope/container"),
            "crio": self.worker(f"{SLICE}/kubepods-burstable-pod2b6b4c6e_1a2b_4c3d_9e8f_001122334455.slice/crio-{ID['crio']}.scope"),
            "service": self.worker(f"{SLICE}/web.service/worker"),
        }
        agent = self.agent(self.collector().grpc, flags=self.configured("node: here\n"))
        found = {name: self.wait_for_target(agent, pid, lambda _: True) for name, pid in pids.items()}
        for name, runtime in (("docker", "docker"), ("podman", "podman"), ("crio", "crio")):
            self.assertEqual(found[name]["series"], {"service_name": ID[name][:12], "container_id": ID[name], "node": "here"})
            self.assertEqual(found[name]["meta"]["__meta_container_runtime"], runtime)
        self.assertEqual(found["crio"]["meta"]["__meta_kubernetes_pod_uid"], "2b6b4c6e-1a2b-4c3d-9e8f-001122334455")
        self.assertEqual(found["crio"]["meta"]["__meta_kubernetes_pod_qos"], "burstable")
        self.assertEqual(found["service"]["series"],
                         {"service_name": "web", "unit": "web.service", "slice": SLICE, "node": "here"})
        self.assertIn(str(pids["docker"]), map(str, found["docker"]["pids"]))


class Rules(LabelsTest):
    def test_rules_decide_which_profiles_are_sent_under_which_labels(self):
        config = """
node: here
labels:
  services: [{unit: known.service, service_name: configured}]
  service_name: ["environment:OTEL_SERVICE_NAME"]
relabel:
  - {source_labels: [service_name], regex: secret, action: drop}
  - {source_labels: [__meta_env_var_OTEL_SERVICE_NAME], regex: (..).*, target_label: short}
  - {regex: slice, action: labeldrop}
"""
        named = {"OTEL_SERVICE_NAME": "shop-front", "SECRET": "hidden"}
        pids = {
            "by rule": self.worker(f"{SLICE}/known.service", named),
            "by environment": self.worker(f"{SLICE}/other.service", named),
            "dropped": self.worker(f"{SLICE}/secret.service"),
        }
        collector = self.collector()
        agent = self.agent(collector.grpc, flags=self.configured(config))
        found = {name: self.wait_for_target(agent, pid, lambda _: True) for name, pid in pids.items()}
        self.assertEqual(found["by rule"]["series"],
                         {"service_name": "configured", "unit": "known.service", "node": "here", "short": "sh"})
        self.assertEqual(found["by environment"]["series"],
                         {"service_name": "shop-front", "unit": "other.service", "node": "here", "short": "sh"})
        self.assertNotIn("hidden", json.dumps(found), "a variable was read that nobody named")
        self.assertEqual(found["dropped"]["labels"]["service_name"], "secret")
        self.assertEqual(found["dropped"]["series"], {})
        self.assertEqual(found["dropped"]["dropped_by"], '1 (drop service_name =~ "secret")')

        def services():
            return {labels["service_name"] for labels in collector.series("offcpu")}

        sonde.wait_until(lambda: f"for more series than {services()}", lambda: {"configured", "shop-front"} <= services())
        self.assertNotIn("secret", services())
        self.assertIn("by environment", found)
        account = json.loads(sonde.agentctl(agent.socket, "account", "--duration", "1s", "-o", "json").stdout)
        self.assertIn(pids["dropped"], [process["pid"] for process in account["processes"]])
        text = sonde.agentctl(agent.socket, "targets", "--service", "secret").stdout
        self.assertIn('dropped by relabel rule 1 (drop service_name =~ "secret"): in the account, but in no profile', text)

    def test_series_beyond_the_limit_are_one_that_says_so(self):
        collector = self.collector()
        for number in range(6):
            self.worker(f"{SLICE}/many{number}.service")
        agent = self.agent(collector.grpc, flags=self.configured("labels: {max_series: 3}\n"))
        sonde.wait_until("for profiles", lambda: agent.target()["sent"] > 4)
        self.assertEqual(agent.stop(), 0, agent.said())
        windows = {}
        for profile in collector.profiles():
            windows.setdefault((profile.start_ns, profile.kind), []).append(profile)
        for profiles in windows.values():
            self.assertLessEqual(len(profiles), 3)
        whole = [p for p in collector.profiles() if p.labels["service_name"] == "[beyond the limit of series]"]
        self.assertNotEqual(whole, [])
        self.assertIn(b"labels.max_series", gzip.decompress(whole[0].gz))


if __name__ == "__main__":
    unittest.main()
