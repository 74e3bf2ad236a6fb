"""The account of a mixed load closes, and agrees with what the kernel says: `account_test.py [SECONDS]`.

The loads begin after the measurement and are dead before it ends, so that the account holds their whole lives, and the
kernel's numbers, read when they are dead, are of exactly the same time.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import unittest

import known_loads
import sonde_processes as sonde

SECONDS = 60
LEAD, TRAIL = 2, 3  # seconds of the measurement without the loads: before, and after at least

CLOSURE = 0.005
AGREEMENT = 0.01
SHORT_LIFE_NS = 50_000_000


def tolerance(truth_ns):
    return max(AGREEMENT * truth_ns, known_loads.TICK_NS)


class Numbers:
    """A process of the account, or a sum of several."""

    def __init__(self, entries):
        for name in ("wall", "on_cpu", "run_queue", "blocked"):
            setattr(self, name, sum(int(entry[f"{name}_ns"]) for entry in entries))

    def unexplained(self):
        return self.wall - self.on_cpu - self.run_queue - self.blocked


def living_processes():
    return {int(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()}


class Account(sonde.SondeTest):
    def load(self, *arguments, **options):
        load = known_loads.Load(self.folder, *arguments, cgroup=self.cgroup, **options)
        self.addCleanup(load.discard)
        return load

    def ping_pong(self, seconds):
        here, there = os.pipe(), os.pipe()
        players = [self.load("ping_pong", seconds, "serve", stdin=here[0], stdout=there[1]),
                   self.load("ping_pong", seconds, "return", stdin=there[0], stdout=here[1])]
        for end in here + there:
            os.close(end)
        return players

    def run_loads(self, seconds):
        """Spinners for both CPUs and one more, so that everybody waits for a CPU at times."""
        loads = [self.load("sleepers", seconds),
                 self.load("spinners", seconds, (os.cpu_count() or 1) + 1),
                 *self.ping_pong(seconds),
                 self.load("forker", seconds, sonde.WORKLOADS / "short_lived"),
                 self.load("thread_churn", seconds, 1000)]
        return [load.finish() for load in loads]

    def measure(self):
        """The account, the loads, and who lived all the while."""
        self.cgroup = known_loads.Cgroup()
        self.addCleanup(self.cgroup.remove)
        agent = self.agent(self.collector().grpc, window="10s")
        before = living_processes()
        account = subprocess.Popen([sonde.AGENTCTL, "--socket", agent.socket, "account", "--duration", f"{SECONDS}s",
                                    "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (account.poll() is None and account.kill(), account.wait()))
        time.sleep(LEAD)
        begun_unix_ns = time.time_ns()
        loads = self.run_loads(SECONDS - LEAD - TRAIL)
        out, error = account.communicate(timeout=SECONDS + sonde.PATIENCE)
        self.assertEqual(account.returncode, 0, error)
        reply = json.loads(out)
        start_unix_ns = int(reply["start_unix_ns"])
        self.assertLess(start_unix_ns, begun_unix_ns, "the loads began before the measurement: the machine is too busy")
        self.assertLess(max(load.end_unix_ns for load in loads), start_unix_ns + int(reply["duration_ns"]),
                        "the loads outlived the measurement: the machine is too busy")
        return reply, loads, before & living_processes()

    def expect(self, what, measured_ns, least_ns, most_ns, allowed_ns):
        verdict = "ok" if least_ns - allowed_ns <= measured_ns <= most_ns + allowed_ns else "WRONG"
        truth = f"{least_ns / 1e6:.2f}" if least_ns == most_ns else f"{least_ns / 1e6:.2f} to {most_ns / 1e6:.2f}"
        line = f"{what}: {measured_ns / 1e6:.2f} ms, truly {truth} ms, allowed {allowed_ns / 1e6:.2f} ms: {verdict}"
        print(line)
        if verdict != "ok":
            self.wrong.append(line)

    def expect_agreement(self, what, measured_ns, truth_ns):
        self.expect(what, measured_ns, truth_ns, truth_ns, tolerance(truth_ns))

    def expect_closed(self, entries):
        """Every process; those that lived for moments only by name."""
        groups = {}
        for entry in entries:
            is_short = int(entry["wall_ns"]) < SHORT_LIFE_NS
            groups.setdefault(entry["process"] if is_short else int(entry["pid"]), []).append(entry)
        for name, group in groups.items():
            sums = Numbers(group)
            if abs(sums.unexplained()) > CLOSURE * sums.wall:
                self.wrong.append(f"{name} ({group[0]['process']}): {sums.unexplained()} ns of {sums.wall} ns unexplained")

    def expect_load(self, load, account):
        what = f"{load.name} {load.pid}"
        self.expect(f"{what}, wall", account.wall, load.least_wall_ns, load.most_wall_ns,
                    max(CLOSURE * load.least_wall_ns, known_loads.TICK_NS))
        self.expect_agreement(f"{what}, on CPU", account.on_cpu, load.cpu_ns)
        self.expect_agreement(f"{what}, run queue", account.run_queue, load.run_queue_ns)

    def test_account_closes_and_agrees_with_the_kernel(self):
        self.wrong = []
        reply, loads, living = self.measure()
        by_pid = {int(entry["pid"]): entry for entry in reply["processes"]}
        print("losses:", reply["losses"])
        self.expect_closed(reply["processes"])
        self.assertEqual(living - by_pid.keys(), set(), "processes that lived all the while are not in the account")
        on_cpu_of_loads = 0
        for load in loads:
            self.assertIn(load.pid, by_pid, load.name)
            own = Numbers([by_pid[load.pid]])
            self.expect_load(load, own)
            on_cpu_of_loads += own.on_cpu
            if "children" not in load.report:
                continue
            self.assertEqual(set(load.report["children"]) - by_pid.keys(), set(), "children are not in the account")
            children = Numbers([by_pid[pid] for pid in load.report["children"]])
            what = f"{len(load.report['children'])} children of {load.name}"
            self.expect_agreement(f"{what}, on CPU", children.on_cpu, load.report["children_cpu_ns"])
            self.expect_agreement(f"{what}, run queue", children.run_queue, load.report["children_run_queue_ns"])
            on_cpu_of_loads += children.on_cpu
        exited = next(load for load in loads if load.name == "thread_churn").report["exited"]
        print(f"{exited} threads came and went")
        if self.cgroup.usage_ns() is not None:
            self.expect_agreement("all loads by their cgroup, on CPU", on_cpu_of_loads, self.cgroup.usage_ns())
        self.assertEqual(self.wrong, [])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SECONDS = int(sys.argv.pop(1))
    unittest.main(verbosity=2)
