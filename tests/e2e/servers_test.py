"""What servers that many people run wait for has a name: "other" is under a percent of it, idleness not counted. Needs root."""

import concurrent.futures
import json
import pathlib
import shutil
import tempfile
import unittest

import servers
import sonde_processes as sonde

MOST_OTHER = 0.01
SECONDS = 3  # of load, between the servers' starts and ends
NOT_BLOCKED = {"on-cpu", "run-queue", "preempted", "throttled"}
IDLE = {"accept", "idle-poll", "idle-lock", "idle-receive", "idle-signal"}


class Servers(sonde.SondeTest):
    def measure(self, loads, seconds):
        """The reply of `account`, and of `waits` for other reasons, over the servers' whole lives."""
        agent = self.agent(self.collector().grpc, window="10s")

        def ask(*words):
            said = sonde.agentctl(agent.socket, *words, "--duration", f"{seconds}s", "-o", "json")
            self.assertEqual(said.returncode, 0, said.stderr)
            return json.loads(said.stdout)

        with concurrent.futures.ThreadPoolExecutor() as pool:
            account, other = pool.submit(ask, "account"), pool.submit(ask, "waits", "--reason", "other", "--limit", 1000)
            for load, done in [(load, pool.submit(load.run, SECONDS)) for load in loads]:
                self.assertTrue(done.result(), f"{load.name} did nothing")
                self.assertFalse(account.done(), "the load outlived the measurement: the machine is too busy")
        return account.result()["processes"], other.result()["waits"]

    def judge(self, name, processes, other):
        sums = {}
        for process in processes:
            if process["process"] == name:
                for part in process["reasons"]:
                    sums[part["reason"]] = sums.get(part["reason"], 0) + int(part["ns"])
        within_work = {reason: ns for reason, ns in sums.items() if reason not in NOT_BLOCKED | IDLE}
        most_first = sorted(sums.items(), key=lambda item: -item[1])
        print(f"{name}:", ", ".join(f"{reason} {ns / 1e6:.3f} ms" for reason, ns in most_first))
        self.assertGreater(sums.keys() & IDLE, set(), f"{name} was not seen to wait for work")
        worst = [f"{int(wait['ns']) / 1e6:.3f} ms in {wait.get('syscall', 'no system call')}: "
                 + " < ".join(frame["function"] for frame in wait["stack"][:12]) for wait in other if wait["process"] == name]
        self.assertLess(within_work.get("other", 0), MOST_OTHER * sum(within_work.values()), worst[:5])

    def folder_on_disk(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sonde-e2e-", dir="/var/tmp")))
        folder.chmod(0o755)
        for name, size in (("one", 1 << 10), ("two", 1 << 20)):
            (folder / name).write_bytes(b"0123456789abcdef" * (size // 16))
        return folder

    def test_what_redis_nginx_and_node_wait_for_has_a_name(self):
        folder = self.folder_on_disk()
        processes, other = self.measure([servers.Redis(folder), servers.WebServer("nginx", folder, servers.nginx),
                                         servers.WebServer("node", folder, servers.node)], SECONDS + 4)
        for name in (servers.Redis.PROGRAM, "nginx", "node"):
            self.judge(name, processes, other)

    def test_what_java_waits_for_has_a_name(self):
        if not shutil.which("java"):
            self.skipTest("there is no Java")
        processes, other = self.measure([servers.WebServer("java", self.folder_on_disk(), servers.java)], SECONDS + 10)
        self.judge("java", processes, other)


if __name__ == "__main__":
    unittest.main(verbosity=2)
