"""The verdict must be able to fail: a good guest passes, and each thing that can go wrong is seen."""

import copy
import json
import unittest

import verdict

LOAD = {"pid": 90, "process": "guest_load", "threads": 12, "wall_ns": "20000", "on_cpu_ns": "5000",
        "run_queue_ns": "1000", "blocked_ns": "14000"}
INIT = {"pid": 1, "process": "busybox", "threads": 1, "wall_ns": "5000", "on_cpu_ns": "0", "blocked_ns": "5000"}
GOOD = {
    "release": "5.10.0", "btf": "yes", "seconds_to_ready": "3", "load_alive": "yes", "agent.code": "0",
    "account.json.code": "0", "record.code": "0", "disks.json.code": "0", "peers.json.code": "0", "waits.json.code": "0", "saturation.json.code": "0", "faults.json.code": "0",
    "status.json.code": "1", "dmesg": "[0.1] Linux version",
    "before.json": {"stack_ends": [{"reason": "complete", "count": "10"}, {"reason": "unwinding table not ready", "count": "90"}]},
    "disks.json": {"duration_ns": "500"},
    "peers.json": {"connects": [{"port": 9, "refused": "2", "stack": [{"function": "connect"}]}]},
    "waits.json": {"waits": [{"chains": [{"hops": [{"thread": "x", "ns": "0"}, {"is_interrupt": True, "ns": "9", "stack": [{"function": "y"}]}]}]}]},
    "saturation.json": {"books_ns": "500", "cpus": [{"cpu": 0}], "woken": {"count": "9", "p50_ns": "300", "longest_ns": "400"}},
    "faults.json": {"rows": [{"function": "main", "count": "9"}, {"function": "touch_fresh_pages", "count": "8", "self_bytes": "32768"}]},
    "account.json": {"duration_ns": "5000", "processes": [LOAD, INIT]},
    "status.json": {"samples": "400", "waits": "900", "windows": "3", "unexplained_ratio": 0.0001,
                    "stack_ends": [{"reason": "kernel threads", "count": "50"}, {"reason": "complete", "count": "107"},
                                   {"reason": "unwinding table not ready", "count": "92"}]},
}


def judge(change=lambda results: None, functions="  1s 99%  spin_on_cpu"):
    results = copy.deepcopy(GOOD)
    change(results)
    return verdict.judge({k: v if isinstance(v, str) else json.dumps(v) for k, v in results.items()}, functions)


class VerdictTest(unittest.TestCase):
    def refuses(self, change, line):
        outcome = judge(change)
        self.assertFalse(outcome.passed)
        self.assertIn("FAIL: " + line, "\n".join(outcome.lines))

    def test_passes_a_good_guest(self):
        self.assertTrue(judge().passed, judge().lines)

    def test_refuses_an_account_that_does_not_close(self):
        self.refuses(lambda r: r["account.json"]["processes"][1].update(blocked_ns="4000"), "the account closes: 4.0000%")

    def test_refuses_an_account_that_explains_more_than_existed(self):
        self.refuses(lambda r: r["account.json"]["processes"][1].update(blocked_ns="6000"), "the account closes")

    def test_refuses_chains_of_wakers_that_nobody_followed(self):
        self.refuses(lambda r: r["waits.json"].update(waits=[{"chains": []}]), "chains of wakers are followed, 0 hops")

    def test_refuses_connections_that_nobody_followed(self):
        self.refuses(lambda r: r["peers.json"].update(connects=[]), "connections are followed: 0 were refused")

    def test_refuses_an_empty_account(self):
        self.refuses(lambda r: r["account.json"].update(processes=[]), "the account has 0 processes")

    def test_refuses_an_account_without_the_load(self):
        self.refuses(lambda r: r["account.json"]["processes"].pop(0), "the load is in the account")

    def test_refuses_a_thread_that_lived_longer_than_the_interval(self):
        self.refuses(lambda r: r["account.json"]["processes"][1].update(wall_ns="5100", blocked_ns="5100"), "process 1, of one")

    def test_refuses_more_cpu_time_than_there_are_cpus(self):
        self.refuses(lambda r: r["account.json"]["processes"][0].update(on_cpu_ns="11000", blocked_ns="8000"), "on-CPU time is within")

    def test_refuses_a_load_that_never_blocked(self):
        self.refuses(lambda r: r["account.json"]["processes"][0].update(blocked_ns="0"), "the load's blocked")

    def test_refuses_disks_that_cannot_be_watched(self):
        self.refuses(lambda r: r["disks.json"].update(unknown_why="no tracepoints"), "requests to disks can be watched: no tracepoints")

    def test_refuses_queues_that_are_not_counted(self):
        self.refuses(lambda r: r["saturation.json"]["woken"].update(count="0"), "waits in the queues of CPUs are counted: 0")

    def test_refuses_stacks_that_are_cut(self):
        self.refuses(lambda r: r["status.json"]["stack_ends"][1].update(count="40"), "of 32 user stacks 30 are complete")

    def test_refuses_stacks_that_are_mostly_gone(self):
        self.refuses(lambda r: r["status.json"]["stack_ends"].append({"reason": "stack memory not there", "count": "60"}),
                     "of 159 user stacks 60 were gone")

    def test_refuses_a_guest_without_user_stacks(self):
        self.refuses(lambda r: r["status.json"].update(stack_ends=[]), "of 0 user stacks 0 are complete")

    def test_refuses_faults_that_are_missing_or_brought_nothing_or_too_much(self):
        self.refuses(lambda r: r["faults.json"]["rows"].pop(1), "the function that touches fresh memory")
        self.refuses(lambda r: r["faults.json"]["rows"][1].pop("self_bytes"), "its 8 page faults brought 0 bytes")
        self.refuses(lambda r: r["faults.json"]["rows"][1].update(self_bytes="36864"), "its 8 page faults brought 36864 bytes")

    def test_refuses_programs_that_the_kernel_did_not_take(self):
        self.refuses(lambda r: r["status.json"].update(losses=[{"what": "measurements of waits for disks", "cause": "kernel_refuses"}]),
                     "the kernel takes all that is loaded on request: measurements of waits for disks")

    def test_refuses_no_samples(self):
        self.refuses(lambda r: r["status.json"].pop("samples"), "on-CPU samples: 0")

    def test_refuses_a_recording_without_the_spinning_function(self):
        self.assertFalse(judge(functions="  1s 99%  [unknown]").passed)

    def test_refuses_a_guest_whose_agent_died(self):
        self.refuses(lambda r: r.update({"agent.code": "139"}), "the agent stopped on SIGTERM with exit code 139")

    def test_refuses_a_step_that_failed(self):
        self.refuses(lambda r: r.update({"record.code": "4"}), "record: exit code 4")

    def test_refuses_what_is_not_json(self):
        self.refuses(lambda r: r.update({"status.json": "oops"}), "status.json is JSON")

    def test_refuses_kernel_complaints(self):
        for line in ("BUG: sleeping function called", "WARNING: CPU: 1 PID: 3 at kernel/bpf/x.c:3", "UBSAN: shift",
                     "Oops: 0000 [#1]", "watchdog: BUG: soft lockup - CPU#0", "rcu: INFO: rcu_sched self-detected stall",
                     "INFO: task foo:12 blocked for more than 120 seconds."):
            self.refuses(lambda r: r.update(dmesg="[1.0] fine\n[2.0] " + line), "the kernel's log has no complaint")

    def test_takes_ordinary_lines_for_what_they_are(self):
        for line in ("x86/debug: off", "clocksource: tsc: mask: 0xffff", "Warning to nobody"):
            self.assertTrue(judge(lambda r: r.update(dmesg=line)).passed, line)


if __name__ == "__main__":
    unittest.main()
