"""Too few CPUs and a quota: what agentctl saturation says against the account's rows, cpu.stat and /proc/pressure."""

import json
import pathlib
import time
import unittest

import known_loads
import sonde_processes as sonde

SECONDS = 3
RESOURCES = ("cpu", "memory", "io")


def pressure_ns(resource, whom):
    """What the kernel has summed up; None where it has no such book."""
    path = pathlib.Path("/proc/pressure") / resource
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.rpartition("total=")[2]) * 1000 for line in lines if line.startswith(whom)), None)


def number(message, key):
    return int(message.get(key, 0))


class Saturation(sonde.SondeTest):
    def measure(self):
        agent = self.agent(self.collector().grpc, window="10s")
        self.group = known_loads.QuotaGroup()
        self.addCleanup(self.group.remove)
        loads = [known_loads.Load(self.folder, "spinners", sonde.PATIENCE, 1, cgroup=self.group),
                 known_loads.Load(self.folder, "spinners", sonde.PATIENCE, 4)]
        for load in loads:
            self.addCleanup(load.discard)
        time.sleep(0.5)
        before, begin = self.books(), time.monotonic_ns()
        reply = json.loads(sonde.agentctl(agent.socket, "saturation", "--duration", f"{SECONDS}s", "--limit", "10000",
                                          "-o", "json").stdout)
        self.elapsed_ns = time.monotonic_ns() - begin
        self.truth = {name: after - before[name] for name, after in self.books().items() if after is not None}
        self.text = sonde.agentctl(agent.socket, "saturation", "--duration", "500ms").stdout
        for load in loads:
            self.assertIsNone(load.process.poll(), "the load did not outlive the measurement: the machine is too busy")
            load.discard()
        return reply

    def books(self):
        return {"throttled": self.group.throttled_ns()} | {
            (resource, whom): pressure_ns(resource, whom) for resource in RESOURCES for whom in ("some", "full")}

    def test_is_what_the_account_and_the_kernels_books_say(self):
        reply = self.measure()
        self.queues_agree_with_the_account(reply)
        self.cpus_are_busy(reply)
        self.throttling_agrees_with_cpu_stat(reply)
        self.pressure_agrees_with_the_kernel(reply)
        self.assertIn("CPUs: too few.", self.text)
        self.assertIn(f"/{self.group.path.name}, with 0.20 CPUs, was throttled in ", self.text)

    def queues_agree_with_the_account(self, reply):
        for ours, theirs in (("woken", "run_queue"), ("preempted", "preempted")):
            for what in ("count", "ns"):
                of_cpus = sum(number(cpu[ours], what) for cpu in reply["cpus"])
                of_groups = sum(number(group[theirs], what) for group in reply["groups"])
                # A wait in progress when the measurement begins or ends is whole in the one, a part in the other.
                cut = 0 if what == "count" else self.woken_as_it_begins_ns(reply) if ours == "woken" else 2e7
                print(f"{ours} {what}: CPUs {of_cpus}, account {of_groups}; cut off at most {cut}")
                self.assertAlmostEqual(of_cpus, of_groups, delta=0.01 * of_groups + cut)
                self.assertEqual(of_cpus, number(reply[ours], what))
            for cpu in reply["cpus"]:
                self.assertLessEqual(number(cpu[ours], "p50_ns"), number(cpu[ours], "longest_ns"))
        self.assertGreater(number(reply["preempted"], "ns"), SECONDS * 1e9)

    @staticmethod
    def woken_as_it_begins_ns(reply):
        """Then the agent's own threads queue, too: two for each CPU, none longer than the longest that is told."""
        return 2 * sum(number(cpu["woken"], "longest_ns") for cpu in reply["cpus"])

    def cpus_are_busy(self, reply):
        for cpu in reply["cpus"]:
            parts = {part: number(cpu, f"{part}_ns") for part in ("busy", "idle", "iowait", "steal")}
            print(f"CPU {number(cpu, 'cpu')}: {parts}")
            self.assertAlmostEqual(sum(parts.values()), number(reply, "books_ns"), delta=0.02 * SECONDS * 1e9)
            self.assertGreater(parts["busy"] + parts["steal"], 0.9 * sum(parts.values()))

    def throttling_agrees_with_cpu_stat(self, reply):
        (quota,) = [one for one in reply["quotas"] if one["group"] == f"/{self.group.path.name}"]
        (seen,) = [group["throttled"] for group in reply["groups"] if group["service"] == "spinners"]
        truth = self.truth["throttled"]
        print(f"{quota}; test's own reading {truth}; by hooks {seen}")
        self.assertAlmostEqual(quota["cpus"], self.group.QUOTA_US / self.group.PERIOD_US)
        # Not read in the same instant: a period may be in the one and not in the other. And the test's own reading is of more
        # time, by what agentctl takes to ask and to answer.
        period_ns = self.group.PERIOD_US * 1000
        beside_ns = self.elapsed_ns - number(reply, "books_ns")
        allowed = 0.01 * truth + period_ns
        self.assertLess(number(quota, "throttled_ns"), truth + allowed)
        self.assertGreater(number(quota, "throttled_ns"), truth - beside_ns - allowed)
        self.assertAlmostEqual(number(quota, "periods"), SECONDS * 1e9 / period_ns, delta=2)
        # Each time it gets quota again it queues behind the spinners, by our clock as throttled as before.
        queued_ns = number(seen, "count") * number(reply["preempted"], "p99_ns")
        self.assertGreater(number(seen, "ns"), truth - beside_ns - allowed)
        self.assertLess(number(seen, "ns"), truth + allowed + queued_ns)

    def pressure_agrees_with_the_kernel(self, reply):
        if not pathlib.Path("/proc/pressure").exists():
            self.assertTrue(any("CONFIG_PSI" in why for why in reply["unknown"]))
            return
        self.assertEqual([pressure["resource"] for pressure in reply["pressures"]], list(RESOURCES))
        for pressure in reply["pressures"]:
            for whom in ("some", "full"):
                truth = self.truth.get((pressure["resource"], whom), 0)
                ns = number(pressure[whom], "ns")
                print(f"pressure {pressure['resource']} {whom}: {ns}, test's own reading {truth} in {self.elapsed_ns}")
                self.assertLessEqual(ns, truth)
                # What came between its readings and ours, each of which takes some time.
                self.assertGreaterEqual(ns, truth - (self.elapsed_ns - number(reply, "books_ns")) - 2e6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
