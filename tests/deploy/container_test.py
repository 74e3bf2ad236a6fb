"""The agent in the container of its Kubernetes manifest: root with six capabilities and nothing else. Needs root.

No container engine is asked for: container.py does what one would do.
"""

import os
import pathlib
import subprocess
import sys
import unittest

import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import known_loads  # noqa: E402
import runtime_default  # noqa: E402
import sonde_processes as sonde  # noqa: E402
import workload_cgroup  # noqa: E402
from container import NUMBERS  # noqa: E402

BUDGET = "0.4%"  # the load's stacks, each walked, cost several times as much on two CPUs
NEW_SITES = "stacks at places not known yet"
POD, CONTAINER = "1f2e3d4c-0000-4000-8000-123456789abc", "c0ffee" + "0" * 58


def container(*writable):
    return [sys.executable, "-B", HERE / "container.py", ":".join(str(folder) for folder in writable)]


class Container(sonde.SondeTest):
    def test_it_is_the_one_of_the_manifest(self):
        (daemon_set,) = yaml.safe_load_all((HERE.parents[1] / "deploy/kubernetes/agent.yaml").read_text())
        context = daemon_set["spec"]["template"]["spec"]["containers"][0]["securityContext"]
        self.assertEqual((context["runAsUser"], context["privileged"], context["allowPrivilegeEscalation"],
                          context["readOnlyRootFilesystem"], context["seccompProfile"]["type"]),
                         (0, False, False, True, "RuntimeDefault"))
        self.assertEqual(set(context["capabilities"]["add"]), set(runtime_default.CAPABILITIES))

    def test_it_denies_what_such_a_container_may_not(self):
        for command in (f"touch {HERE}/written", "unshare --user true", "mount -t tmpfs none /mnt", "chown 1 /proc/self/fd/0"):
            done = subprocess.run([*container(self.folder), "sh", "-c", command], capture_output=True, text=True, timeout=sonde.PATIENCE)
            self.assertNotEqual(done.returncode, 0, command)
        done = subprocess.run([*container(self.folder), "touch", self.folder / "written"], timeout=sonde.PATIENCE)
        self.assertEqual(done.returncode, 0)

    def test_the_agent_does_all_its_work_there_and_holds_its_budget(self):
        group = workload_cgroup.WorkloadCgroup(f"kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice/cri-containerd-{CONTAINER}.scope")
        self.addCleanup(group.remove)
        collector = self.collector()
        run, state = self.folder / "run", self.folder / "state"
        for folder in (run, state):
            folder.mkdir()
        agent = self.agent(collector.grpc, wrapper=container(run, state), socket_path=str(run / "agent.sock"),
                           flags=("--overhead-budget", BUDGET, "--spool", state / "spool"))
        self.assert_confined(agent.pid)
        load = known_loads.Load(self.folder, "wandering_waits", 120, cgroup=group)
        self.addCleanup(load.discard)

        def lowered():
            sonde.agentctl(agent.socket, "account", "--duration", "100ms")  # the cost is judged when a slice ends
            return [entry for entry in agent.status()["overhead"]["lowered"] if entry["what"] == NEW_SITES]

        sonde.wait_until(lambda: f"for {CONTAINER} among {collector.series('offcpu')}",
                         lambda: any(labels.get("container_id") == CONTAINER for labels in collector.series("offcpu")))
        sonde.wait_until("for the agent to walk fewer stacks", lowered, pause=0.5)
        status = agent.status()
        self.assertEqual(status.get("degraded", []), [])
        self.assertGreater(sum(int(program["run_time_ns"]) for program in status["programs"]), 0)
        self.assertEqual(agent.stop(), 0, agent.said())

    def assert_confined(self, pid):
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
        wanted = sum(1 << NUMBERS[name] for name in runtime_default.CAPABILITIES)
        self.assertEqual([int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")], [wanted] * 3 + [0])
        self.assertEqual((status["Uid"].split()[0], status["NoNewPrivs"], status["Seccomp"]), ("0", "1", "2"))
        self.assertTrue(os.statvfs(f"/proc/{pid}/root").f_flag & os.ST_RDONLY)


if __name__ == "__main__":
    unittest.main(verbosity=2)
