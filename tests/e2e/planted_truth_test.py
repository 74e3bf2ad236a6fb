"""Programs that spin and wait in known functions for known shares of their time: the profiles must show them."""

import collections
import json
import os
import re
import subprocess
import time
import unittest

import known_loads
import pprof_file
import sonde_processes as sonde

# Of the loads; a recording is longer by so much. Samples are few, waits are exact.
CPU_SECONDS, WAIT_SECONDS = 10, 6
BESIDE_SECONDS = 6
RATE = "199Hz"  # so that ten seconds are enough for two points

ON_CPU_POINTS = 0.02
OFF_CPU_SHARE = 0.01


def go_pprof(*arguments):
    done = subprocess.run(["go", "tool", "pprof", *map(str, arguments)], capture_output=True, text=True,
                          timeout=sonde.PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"go tool pprof {arguments} failed: {done.stderr}")
    return done.stdout


def bare(name):
    """Without parameters."""
    return name.split("(")[0]


def seconds_of(text):
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text).groups()
    return float(number) * {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "mins": 60, "min": 60}[unit]


def cumulative(top):
    """{function: seconds} from the output of pprof -top."""
    found = {}
    for line in top.splitlines():
        columns = line.split(maxsplit=5)
        if len(columns) == 6 and columns[1].endswith("%") and columns[4].endswith("%"):
            found[bare(columns[5])] = seconds_of(columns[3])
    return found


class PlantedTruth(sonde.SondeTest):
    def setUp(self):
        super().setUp()
        self.target = self.collector().grpc

    def record(self, kind, name, seconds, *more):
        """A profile of the whole host while the load lived, cut to the load by its label, and the load's own report."""
        agent = self.agent(self.target, window="10s", flags=("--rate", RATE))
        # Once before, so that its unwinding table is there.
        known_loads.Load(self.folder, name, 1, *more).finish()
        agent.wait_until_tables_are_built()
        path = self.folder / f"{kind}.pb.gz"
        recording = self.keep(sonde.Program(self.folder, [sonde.AGENTCTL, "--socket", agent.socket, "record", "--type", kind,
                                                          "--duration", f"{seconds + BESIDE_SECONDS}s", "-o", path]))
        time.sleep(2)
        known = known_loads.Load(self.folder, name, seconds, *more)
        self.addCleanup(known.discard)
        known.finish()
        self.assertIsNone(recording.process.poll(), "the load outlived the recording: the machine is too busy")
        self.assertEqual(recording.wait(), 0, recording.said())
        profile = pprof_file.decode(path.read_bytes())
        profile.samples = [sample for sample in profile.samples if sample.labels.get("process") == known.name]
        for sample in profile.samples:
            sample.stack = [bare(name) for name in sample.stack]
        self.assertNotEqual(profile.samples, [], f"no sample has the label process={known.name}")
        return path, profile, known.report

    def test_on_cpu_shares(self):
        path, profile, report = self.record("cpu", "planted_cpu", CPU_SECONDS, 2)
        self.assertEqual(profile.sample_types, [("samples", "count"), ("cpu", "nanoseconds")])
        names = [name for name in report if name.startswith("planted::")]
        truth = sum(report[name] for name in names)
        found = profile.total()
        print(f"{sum(sample.values[0] for sample in profile.samples)} samples of {truth / 1e9:.2f} s, of which",
              collections.Counter(sample.stack[0] for sample in profile.samples).most_common(5))
        for name in names:
            print(f"{name}: {profile.total(name) / found:.4f} of the samples, truly {report[name] / truth:.4f}")
            self.assertAlmostEqual(profile.total(name) / found, report[name] / truth, delta=ON_CPU_POINTS, msg=name)
        # Every sample of the function has its caller right above it.
        below_caller = profile.total("planted::SpinTen", "planted::CallSpinTen")
        self.assertAlmostEqual(below_caller, profile.total("planted::SpinTen"), delta=ON_CPU_POINTS * found)
        # The referee reads the same from the same file.
        top = cumulative(go_pprof("-top", "-cum", "-nodecount=0", "-unit=us", "-tagfocus=process=^planted_cpu$", path))
        for name in names:
            self.assertAlmostEqual(top[name], profile.total(name) / 1e9, delta=1e-3)

    def expect_wait(self, what, found_ns, truth_ns):
        print(f"{what}: {found_ns / 1e9:.4f} s off the CPU, truly {truth_ns / 1e9:.4f} s")
        self.assertAlmostEqual(found_ns, truth_ns, delta=OFF_CPU_SHARE * truth_ns, msg=what)

    def test_off_cpu_shares(self):
        path, profile, report = self.record("offcpu", "planted_waits", WAIT_SECONDS)
        self.assertEqual(profile.sample_types, [("waits", "count"), ("delay", "nanoseconds")])
        # How the program is loaded and how it reports may need a disk, if the host wrote or read much just before.
        planted = [sample for sample in profile.samples if any(name.startswith("planted::") for name in sample.stack)]
        self.assertEqual({sample.labels["reason"] for sample in planted} -
                         {"run-queue", "preempted", "sleep", "pipe", "lock", "idle-lock", "minor-fault", "kernel-lock"}, set())
        names = [name for name in report if name.startswith("planted::")]
        self.assertEqual(len(names), 10)
        for name in names:
            self.expect_wait(name, profile.total(name), report[name])
        for caller in ("planted::FirstCaller", "planted::SecondCaller"):
            self.expect_wait(f"SharedNap called by {caller}", profile.total("planted::SharedNap", caller), report[caller])
        nested = profile.total("planted::Innermost", "planted::Middle", "planted::Outermost")
        self.expect_wait("three functions deep", nested, report["planted::Outermost"])
        traces = go_pprof("-traces", "-tagfocus=process=^planted_waits$", path)
        self.assertRegex(traces, r"planted::Innermost\S*\s+planted::Middle\S*\s+planted::Outermost")
        top = cumulative(go_pprof("-top", "-cum", "-nodecount=0", "-unit=us", "-tagfocus=process=^planted_waits$", path))
        for name in names:
            self.assertAlmostEqual(top[name], profile.total(name) / 1e9, delta=1e-3)
        self.assertIn("nanoseconds", go_pprof("-raw", path))


class Reuse(sonde.SondeTest):
    """Two programs pass a byte to and fro: all of their waits are at two places."""

    def passes(self, seconds):
        there, back = os.pipe(), os.pipe()
        for pair in (there, back):
            for end in pair:
                self.addCleanup(os.close, end)
        loads = [known_loads.Load(self.folder, "ping_pong", seconds, "serve", stdin=back[0], stdout=there[1]),
                 known_loads.Load(self.folder, "ping_pong", seconds, "return", stdin=there[0], stdout=back[1])]
        for load in loads:
            self.addCleanup(load.discard)
        return loads

    def counts(self, agent):
        sonde.agentctl(agent.socket, "account", "--duration", "100ms")  # status is as of the last slice, which this ends
        status = agent.status()
        counts = collections.Counter({name: int(n) for name, n in status["stack_reuse"].items()})
        counts["walked"] = sum(int(end["count"]) for end in status["stack_ends"])
        return counts

    def test_stacks_of_repeated_waits_are_reused(self):
        agent = self.agent(self.collector().grpc, window="10s")
        loads = self.passes(60)  # longer than tables may take; ended with the test
        agent.wait_until_tables_are_built()
        before = self.counts(agent)
        time.sleep(4)
        found = self.counts(agent)
        found.subtract(before)
        print(dict(found))
        for load in loads:
            self.assertIsNone(load.process.poll(), "the load ended before it was measured: the machine is too busy")
        self.assertGreater(found["reused"], 10_000)
        # These are walked: what is checked, samples, preempted threads, and the rest of the host's waits.
        self.assertLess(found["walked"], 0.25 * found["reused"])
        # One of 64 is checked, and of trusted places, as these two are, one of 512; the rest of the host waits too, at places
        # whose stacks differ beyond what is compared.
        self.assertGreater(found["checked"], found["reused"] / 1024)
        self.assertLess(found["wrong"], 0.02 * found["checked"])


class Wall(sonde.SondeTest):
    """By process and state the wall profiles of a window hold what the account of the same window says."""

    def of_account(self, account):
        sums = collections.Counter()
        for entry in account["processes"]:
            for part in entry["reasons"]:
                sums[entry["service"], entry["process"], part["reason"]] += int(part["ns"])
        return sums

    def of_profiles(self, collector, start_ns):
        sums = collections.Counter()
        for stored in collector.profiles():
            if stored.kind != "wall" or stored.start_ns != start_ns:
                continue
            for sample in stored.decoded().samples:
                sums[stored.labels["service_name"], sample.labels.get("process"), sample.labels["reason"]] += sample.value
        return sums

    def test_wall_adds_up_to_the_account(self):
        collector = self.collector()
        agent = self.agent(collector.grpc, window="5s")
        load = known_loads.Load(self.folder, "spinners", 20, 3)
        self.addCleanup(load.discard)
        # Of the second window: the first began when the agent did.
        sonde.wait_until("for two windows", lambda: int(agent.status()["windows"]) >= 2)
        account = json.loads(sonde.agentctl(agent.socket, "account", "-o", "json").stdout)
        start_ns = int(account["start_unix_ns"])
        sonde.wait_until("for all profiles of the window", lambda: agent.target()["waiting"] == 0 and any(
            stored.start_ns > start_ns for stored in collector.profiles()))
        expected, found = self.of_account(account), self.of_profiles(collector, start_ns)
        print(f"{len(expected)} rows, {sum(expected.values()) / 1e9:.2f} s in the account, {sum(found.values()) / 1e9:.2f} s"
              " in wall profiles")
        self.assertAlmostEqual(sum(found.values()), sum(expected.values()), delta=0.005 * sum(expected.values()))
        wall = collections.Counter()
        for (service, process, _), ns in expected.items():
            wall[service, process] += ns
        wrong = [f"{key}: {found[key]} ns in profiles, {expected[key]} ns in the account"
                 for key in sorted(expected.keys() | found.keys(), key=str)
                 if abs(found[key] - expected[key]) > max(0.005 * wall[key[:2]], 1e6)]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
