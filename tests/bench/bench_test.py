"""tests/bench/run: what it says of itself and what it refuses, and its arithmetic. Nothing is measured here."""

import pathlib
import subprocess
import time
import unittest

import machine
import measure
import observers
import report
import throughput

RUN = pathlib.Path(__file__).resolve().parent / "run"


def run(*arguments):
    return subprocess.run([str(RUN), *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)


class Observer:
    def __init__(self, name):
        self.name, self.command, self.saw = name, "command", "all"


class Work:
    unit, command = "s", "work"


class Run(unittest.TestCase):
    def test_help_names_its_parts_and_where_the_figures_go(self):
        got = run("--help")
        self.assertEqual((got.returncode, got.stderr), (0, ""))
        for word in ("pipe", "cpu", "faults", "throughput", "own", "lines", "names", "wire", "backends", "--quick", "--force", "--write-results"):
            self.assertIn(word, got.stdout)

    def test_results_are_not_written_from_a_part_or_tiny_counts(self):
        for flag in (("--quick",), ("--only", "pipe")):
            got = run("--write-results", *flag)
            self.assertEqual(got.returncode, 2)
            self.assertIn("leave out --quick and --only", got.stderr)

    def test_a_busy_machine_is_refused_with_its_load(self):
        self.assertIsNone(machine.why_not_quiet((0.5, 3, 3)))
        self.assertIn("0.51", machine.why_not_quiet((0.51, 0, 0)))


class Arithmetic(unittest.TestCase):
    def test_every_observer_measures_once_a_round_and_begins_in_turn(self):
        one, two, three = map(Observer, ("one", "two", "three"))
        seen = []
        found = measure.interleave([one, two, three], 3, lambda observer: seen.append(observer.name) or len(seen))
        self.assertEqual(seen, ["one", "two", "three", "two", "three", "one", "three", "one", "two"])
        self.assertEqual(found[one], [1, 6, 8])

    def test_ratios_are_taken_within_a_round(self):
        self.assertEqual(measure.ratios([2, 30, 8], [1, 10, 4]).values, [2, 3, 2])
        self.assertEqual(measure.ratios([2, 30, 8], [1, 10, 4]).median, 2)

    def test_the_table_names_who_could_not_be_measured_and_why(self):
        nothing, sonde, absent = Observer("nothing"), Observer("sonde-agent"), Observer("other")
        text = report.compared("Title", Work(), 3, {nothing: [1, 2, 4], sonde: [2, 3, 6]}, [(absent, "no kprobes")])
        self.assertIn("| sonde-agent | 3.00 (2.00 to 6.00) | 1.50 (1.50 to 2.00) | all |", text)
        self.assertIn("Not measured here: other: no kprobes.", text)

    def test_the_table_tells_of_the_work_and_gives_ratios_as_finely_as_asked(self):
        nothing, sonde = Observer("nothing"), Observer("sonde-agent")
        text = report.compared("Title", Work(), 1, {nothing: [4], sonde: [4.05]}, [], about="In memory.", digits=3)
        self.assertIn("Work: `work`. In memory. 1 interleaved rounds", text)
        self.assertIn("| 1.012 (1.012 to 1.012) |", text)


class WhatClientsTell(unittest.TestCase):
    """As each printed it."""

    def test_perf_tells_the_time_of_all_messages(self):
        said = "# 20 sender and receiver processes per group\n# 10 groups == 400 processes run\n\n     Total time: 1.200 [sec]\n"
        self.assertAlmostEqual(throughput.Messaging(200).read(said, 200), 1.5)

    def test_pgbench_tells_transactions_a_second_without_the_time_to_connect(self):
        said = "latency average = 0.5 ms\ninitial connection time = 9.1 ms\ntps = 8000.000000 (without initial connection time)\n"
        self.assertEqual(throughput.PgBench(6).read(said, 6), 125)

    def test_redis_benchmark_tells_a_rate_for_each_command(self):
        head = '"test","rps","avg_latency_ms","min_latency_ms"\n'
        self.assertEqual(throughput.Redis(9).read(f'{head}"SET","50000.00","0.3","0.1"\n"GET","100000.00","0.2","0.1"\n', 9), 15)
        with self.assertRaisesRegex(RuntimeError, "1 rates instead of two"):
            throughput.Redis(9).read(f'{head}"GET","100000.00","0.2","0.1"\n', 9)

    def test_wrk_tells_requests_a_second_and_failed_ones_are_no_work(self):
        said = "  40000 requests in 1.00s, 49.0MB read\n{}Requests/sec:  40000.00\nTransfer/sec:     49.00MB\n"
        self.assertEqual(throughput.Wrk(6).read(said.format(""), 6), 25)
        with self.assertRaisesRegex(RuntimeError, "Non-2xx or 3xx responses: 7"):
            throughput.Wrk(6).read(said.format("  Non-2xx or 3xx responses: 7\n"), 6)

    def test_what_is_not_installed_is_named_with_its_package(self):
        work = throughput.Wrk(6)
        work.programs = ("no-such-client",)
        self.assertEqual(work.why_absent(), "no-such-client not installed (nginx-light, wrk)")


class RunningAgent:
    """Says what the agent would."""

    def __init__(self, windows=1, pending=0, **overhead):
        self.agent = self
        self.overhead = {"budget_ratio": 0.01, "is_measured": True, "programs_ratio": 0.006, "own_cpu_ratio": 0.003, "is_beyond": False}
        self.overhead.update(overhead)
        self.windows, self.pending = windows, pending

    def agentctl(self, *_):
        pass

    def status(self):
        return {"windows": str(self.windows), "unwinding": {"pending": str(self.pending)}, "overhead": self.overhead}


class Rest(unittest.TestCase):
    def at_rest(self, settle_seconds=60, **status):
        observer = observers.SondeHere(settle_seconds=settle_seconds)
        observer.started, observer.sonde = time.monotonic(), RunningAgent(**status)
        return observer.is_at_rest()

    def test_sonde_is_at_rest_when_it_costs_no_more_than_its_budget(self):
        self.assertTrue(self.at_rest())
        self.assertFalse(self.at_rest(programs_ratio=0.008))
        self.assertFalse(self.at_rest(is_measured=False, programs_ratio=0, own_cpu_ratio=0))

    def test_sonde_is_not_at_rest_before_its_first_window_and_its_tables(self):
        self.assertFalse(self.at_rest(windows=0))
        self.assertFalse(self.at_rest(pending=1))

    def test_sonde_is_at_rest_over_its_budget_when_nothing_is_left_to_lower_or_there_is_none(self):
        self.assertTrue(self.at_rest(programs_ratio=0.05, is_beyond=True))
        self.assertTrue(self.at_rest(programs_ratio=0.05, budget_ratio=0))

    def test_sonde_has_only_so_long_to_come_to_rest(self):
        self.assertTrue(self.at_rest(settle_seconds=0, windows=0))


if __name__ == "__main__":
    unittest.main()
