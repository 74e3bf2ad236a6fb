"""The account of a mixed load closes, and agrees with what the kernel says: `account_test.py [SECONDS]`.

The loads begin after the measurement and are dead before it ends, so that the account holds their whole lives, and the
kernel's numbers, read when they are dead, are of exactly the same time. For a thread that is not its process's first
nobody can read them then in /proc: a witness reads the same numbers as the thread leaves its CPU for the last time.
"""

import json
import math
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

# Threads that sleep beside the others, and how many end a second. Under tsan the agent is some fifteen times slower, and would
# be taken for one that hangs.
THREADS, EXITS_A_SECOND = (1_000, 1_000) if os.environ.get("SONDE_SANITIZER") == "tsan" else (10_000, 5_000)

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
        loads = [self.load("sleepers", seconds, THREADS),
                 self.load("spinners", seconds, (os.cpu_count() or 1) + 1),
                 *self.ping_pong(seconds),
                 self.load("forker", seconds, sonde.WORKLOADS / "short_lived"),
                 self.load("thread_churn", seconds, 1.2 * EXITS_A_SECOND)]
        os.setpriority(os.PRIO_PROCESS, loads[-1].pid, -20)  # or the spinners would leave it too little
        self.report_memory(loads[0])
        return [load.finish() for load in loads]

    def report_memory(self, load):
        """Of the agent and its maps, while all threads of the load live."""
        sonde.wait_until("for all threads", lambda: len(os.listdir(f"/proc/{load.pid}/task")) > THREADS)
        sonde.agentctl(self.observer.socket, "account", "--duration", "100ms")  # status is as of the last slice, which this ends
        status = self.observer.status()
        print(f"at {status['threads']} threads the agent has {int(status['own_rss_bytes']) >> 20} MiB resident, and"
              f" {int(status['map_bytes']) >> 20} MiB in maps")

    def measure(self):
        """The account, the loads, and who lived all the while."""
        self.cgroup = known_loads.Cgroup()
        self.addCleanup(self.cgroup.remove)
        agent = self.observer = self.agent(self.collector().grpc, window="10s")
        witness = self.keep(known_loads.Witness(self.folder))
        witness.wait_until_said("ready")
        before = living_processes()
        account = subprocess.Popen([sonde.AGENTCTL, "--socket", agent.socket, "account", "--duration", f"{SECONDS}s",
                                    "-o", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (account.poll() is None and account.kill(), account.wait()))
        time.sleep(LEAD)
        begun_unix_ns, stolen_ns = time.time_ns(), known_loads.stolen_ns()
        loads = self.run_loads(SECONDS - LEAD - TRAIL)
        self.last_words = witness.finish()
        self.stolen_ns = known_loads.stolen_ns() - stolen_ns
        print(f"{self.stolen_ns / 1e6:.0f} ms of CPU time were stolen by the hypervisor")
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

    def expect_on_cpu(self, what, measured_ns, truth_ns, more_ns=0):
        self.expect(what, measured_ns, truth_ns, truth_ns + self.stolen_ns + more_ns, tolerance(truth_ns))

    def expect_run_queue(self, what, measured_ns, booked_ns, pids):
        """The kernel books some sleep as run queue, and some of the run queue not at all: the witness saw how much."""
        asleep_ns, unbooked_ns = map(sum, zip(*(self.last_words[pid][4:6] for pid in pids)))
        if asleep_ns or unbooked_ns:
            print(f"{what}: the kernel's books have {asleep_ns / 1e6:.2f} ms of sleep in it, and lack {unbooked_ns / 1e6:.2f} ms")
        truth_ns = booked_ns - asleep_ns + unbooked_ns
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

    def expect_last_words(self, what, account, pids):
        """Agreement with what the kernel had counted for all threads of these processes at their ends."""
        _, _, cpu_ns, run_queue_ns, _, _ = map(sum, zip(*(self.last_words[pid] for pid in pids)))
        self.expect_on_cpu(f"{what}, on CPU", account.on_cpu, cpu_ns)
        self.expect_run_queue(f"{what}, run queue", account.run_queue, run_queue_ns, pids)

    def expect_load(self, load, account):
        what = f"{load.name} {load.pid}"
        threads, life_ns = self.last_words[load.pid][:2]
        self.expect(f"{what}, wall", account.wall, load.least_wall_ns, life_ns, CLOSURE * life_ns)
        self.expect_last_words(what, account, [load.pid])
        # The kernel's sum for a process lacks what a thread does after it was taken off the process's list, some
        # microseconds: that counts only where threads end by the thousand.
        unlisted_ns = math.inf if threads >= 1000 else 0
        self.expect_on_cpu(f"{what}, on CPU by /proc/PID/stat", account.on_cpu, load.cpu_ns, unlisted_ns)
        if threads == 1:
            self.expect_run_queue(f"{what}, run queue by /proc/PID/schedstat", account.run_queue,
                                  load.run_queue_of_main_ns, [load.pid])

    def expect_children(self, load, by_pid):
        """All are in the account; returns their time on a CPU. Those whose pid was somebody else's too are not compared:
        a thousand threads a second use up all pids of some machines within a minute."""
        children = load.report["children"]
        self.assertEqual({child[0] for child in children} - by_pid.keys(), set(), "children are not in the account")
        own = [child for child in children if by_pid[child[0]]["threads"] == 1 and self.last_words[child[0]][0] == 1]
        self.assertGreater(len(own), len(children) / 2)
        pids, cpu_ns, run_queue_ns, rusage_ns = zip(*own)
        account = Numbers([by_pid[pid] for pid in pids])
        what = f"{len(own)} of {len(children)} children of {load.name}"
        self.expect_last_words(what, account, pids)
        self.expect_on_cpu(f"{what}, on CPU by /proc/PID/stat", account.on_cpu, sum(rusage_ns))
        self.expect_on_cpu(f"{what}, on CPU by /proc/PID/schedstat", account.on_cpu, sum(cpu_ns))
        self.expect_run_queue(f"{what}, run queue by /proc/PID/schedstat", account.run_queue, sum(run_queue_ns), pids)
        return account.on_cpu + sum(child[1] for child in children if child not in own)

    def expect_everybody(self, living, by_pid, losses):
        """Who lived all the while is in the account; but kernels that hide the first process from BPF are owned up to."""
        missing = living - by_pid.keys()
        if missing == {1} and any(loss["cause"] == "thread_hidden" for loss in losses):
            print("the kernel hides process 1, and the account says so")
            return
        self.assertEqual(missing, set(), "processes that lived all the while are not in the account")

    def test_account_closes_and_agrees_with_the_kernel(self):
        self.wrong = []
        reply, loads, living = self.measure()
        by_pid = {int(entry["pid"]): entry for entry in reply["processes"]}
        print("losses:", reply["losses"])
        self.expect_closed(reply["processes"])
        self.expect_everybody(living, by_pid, reply["losses"])
        on_cpu_of_loads = 0
        for load in loads:
            self.assertIn(load.pid, by_pid, load.name)
            own = Numbers([by_pid[load.pid]])
            self.expect_load(load, own)
            on_cpu_of_loads += own.on_cpu
            if "children" in load.report:
                on_cpu_of_loads += self.expect_children(load, by_pid)
        churned = next(load for load in loads if load.name == "thread_churn")
        exited = churned.report["exited"]
        lived_s = churned.report["main_inside_ns"] / 1e9
        print(f"{exited} threads came and went, {exited / lived_s:.0f} a second")
        self.assertEqual(self.last_words[churned.pid][0], exited + 1, "the witness missed some")
        self.assertEqual(int(by_pid[churned.pid]["threads"]), exited + 1,
                         f"lost: {[(loss['cause'], loss['what'], loss['count']) for loss in reply['losses']]}")
        if self.cgroup.usage_ns() is not None:
            self.expect_on_cpu("all loads by their cgroup, on CPU", on_cpu_of_loads, self.cgroup.usage_ns())
        self.assertEqual(self.wrong, [])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SECONDS = int(sys.argv.pop(1))
    unittest.main(verbosity=2)
