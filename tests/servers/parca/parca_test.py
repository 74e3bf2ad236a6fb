"""What the agent records, pushed to a real Parca and asked back from it.

Needs root, the programs of the build tree in SONDE_BUILD, and Parca's server in SONDE_PARCA_SERVER.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import parca_server
from parca_server import pprof_file, pushed_profiles, sonde

import known_loads

NODE = "node \"1\" \\ é"
HZ = 99
LOAD_SECONDS = 8
# By kind: Parca's types, and which of our values each shows.
TYPES = {
    "cpu": {"parca_agent:samples:count:cpu:nanoseconds:delta": 1},
    "offcpu": {"parca_agent:wallclock:nanoseconds:samples:count:delta": 1, "parca_agent:waits:count:samples:count:delta": 0},
    "wall": {"wall:wall:nanoseconds:wall:nanoseconds:delta": 0},
    "faults": {"page_faults:faults:count:faults:count:delta": 0, "page_faults:bytes:bytes:faults:count:delta": 1},
    "wait_lengths": {"wait_lengths:wait_lengths:count:wait_lengths:count:delta": 0},
}
MOST_SERIES = 64


def series_of(labels, samples):
    """The labels that each of a profile's samples has at Parca: agent/export/parca_profile.h has the rule."""
    sets = [{name: value for name, value in sample.labels.items() if value and name not in labels} for sample in samples]
    while len({frozenset(own.items()) for own in sets}) > MOST_SERIES:
        values = collections.defaultdict(set)
        for own in sets:
            for name, value in own.items():
                values[name].add(value)
        left_out = max(values, key=lambda name: (len(values[name]), name))
        for own in sets:
            own.pop(left_out, None)
    return [frozenset({**labels, **own}.items()) for own in sets]


def sums_of(profiles, value):
    """{(labels, stack): sum} of one value of (labels, samples)."""
    sums = collections.Counter()
    for labels, samples in profiles:
        for series, sample in zip(series_of(labels, samples), samples):
            sums[series, tuple(sample.stack)] += sample.values[value]
    return {key: found for key, found in sums.items() if found}


def is_the_same(wanted, found):
    """Whether two stacks differ at most where Sonde left a name mangled, which Parca then reads its own way."""
    return len(wanted) == len(found) and all(ours == theirs or ours.startswith("_Z") for ours, theirs in zip(wanted, found))


def forget_mangled(wrong):
    """Takes those out of {(labels, stack): (wanted, found)} that are there twice: as Sonde names them, and as Parca does."""
    for ours in [key for key, (_, found) in wrong.items() if found is None]:
        for theirs in [key for key, (wanted, _) in wrong.items() if wanted is None]:
            if ours[0] == theirs[0] and wrong[ours][0] == wrong[theirs][1] and is_the_same(ours[1], theirs[1]):
                del wrong[ours], wrong[theirs]
                break


class ParcaTest(sonde.SondeTest):
    maxDiff = 4000

    def setUp(self):
        super().setUp()
        self.parca = self.keep(parca_server.Parca(self.folder)).wait_until_ready()

    def push(self, profiles):
        """Pushes all of (kind, labels, pprof), which the server takes."""
        self.assertEqual(set(parca_server.push(self.parca.address, profiles, self.folder)), {"OK"})

    def asked_back(self, kind_type, profiles, span):
        """{(labels, stack): sum} as Parca has it, of all series that have a service_name of `profiles`."""
        names = {name for labels, samples in profiles for series in series_of(labels, samples) for name, _ in series}
        sums = collections.Counter()
        for service in {labels["service_name"] for labels, _ in profiles}:
            selector = f"{kind_type}{{service_name={json.dumps(service, ensure_ascii=False)}}}"
            for sample in self.parca.samples(selector, names, *span):
                sums[frozenset(sample.labels.items()), tuple(sample.stack)] += sample.value
        return dict(sums)

    def check(self, kind, profiles, span):
        """That Parca has exactly these (labels, samples). Prints the sums."""
        for kind_type, value in TYPES[kind].items():
            wanted = sums_of(profiles, value)
            found = self.asked_back(kind_type, profiles, span)
            print(f"{kind_type}: {len({series for series, _ in wanted})} series, {len(wanted)} stacks, "
                  f"sum {sum(wanted.values())}; Parca has {len(found)} stacks, sum {sum(found.values())}")
            self.assertEqual(sum(found.values()), sum(wanted.values()), kind_type)
            wrong = {key: (wanted.get(key), found.get(key)) for key in wanted.keys() | found.keys()
                     if wanted.get(key) != found.get(key)}
            forget_mangled(wrong)
            self.assertEqual(wrong, {}, f"{kind_type}: wanted and found, by labels and stack")


class Agent(sonde.Agent):
    """One with a configuration."""

    def __init__(self, folder, config):
        file = pathlib.Path(folder) / "sonde.yaml"
        file.write_text(config)
        self.socket = os.path.join(tempfile.mkdtemp(dir=folder, prefix="run-"), "agent.sock")
        sonde.Program.__init__(self, folder, [sonde.AGENT, "--config", file, "--control-socket", self.socket, "--window", "4s",
                                              "--node", NODE, "--overhead-budget", "0"])


class Recorded(ParcaTest):
    def record(self):
        """Profiles of a load of all kinds, of some whole windows, as the collector has them and Parca has taken them."""
        collector = self.collector()
        agent = self.keep(Agent(self.folder, f"export:\n  - endpoint: {collector.grpc}\n"
                                             f"  - type: parca\n    endpoint: {self.parca.address}\n")).wait_until_ready()
        agent.wait_until_tables_are_built()
        loads = [known_loads.Load(self.folder, "spinners", LOAD_SECONDS, 1),
                 known_loads.Load(self.folder, "planted_waits", LOAD_SECONDS)]
        for load in loads:
            self.addCleanup(load.discard)
        for load in loads:
            load.finish()
        ended_ns = time.time_ns()
        sonde.wait_until("for the window after the load", lambda: ended_ns < (
            sonde.query_store(collector.store, "SELECT max(start_ns) FROM profile")[0][0] or 0))
        stored = collector.profiles()
        last_ns = max(profile.start_ns for profile in stored)
        stored = [profile for profile in stored if profile.start_ns < last_ns]  # the last window may be half there
        sonde.wait_until(lambda: f"for both to have {len(stored)} profiles: {agent.status()['targets']}", lambda: all(
            int(target["sent"]) >= len(stored) for target in agent.status()["targets"]))
        self.assertEqual([int(target["dropped"]) for target in agent.status()["targets"]], [0, 0])
        self.assertEqual(agent.stop(), 0)
        return stored

    def test_every_kind_comes_back_to_the_last_nanosecond_and_sample(self):
        stored = self.record()
        self.assertEqual({profile.kind for profile in stored}, set(TYPES), "a kind was not recorded")
        self.assertEqual(self.parca.types(), {kind_type for types in TYPES.values() for kind_type in types})
        span = min(profile.start_ns for profile in stored), max(profile.start_ns for profile in stored)
        self.assertGreater(span[1], span[0], "one window only")
        for kind in TYPES:
            profiles = [(profile.labels, pprof_file.decode(profile.gz, names=pprof_file.SYSTEM_NAME).samples)
                        for profile in stored if profile.kind == kind]
            with self.subTest(kind):
                self.check(kind, profiles, span)
        # On-CPU samples go by count and period, and come back as nanoseconds.
        for profile in stored:
            if profile.kind == "cpu":
                for sample in profile.decoded().samples:
                    self.assertEqual(sample.values[1], sample.values[0] * (1_000_000_000 // HZ))
        self.assertEqual([agent["id"] for agent in self.parca.agents()], [NODE])
        self.parca.assert_alive()


class Hostile(ParcaTest):
    START_NS, DURATION_NS = 1_700_000_000_000_000_000, 60_000_000_000

    def profile(self, samples):
        return pushed_profiles.offcpu_pprof(samples, self.START_NS, self.DURATION_NS)

    def test_what_is_strange_comes_back_as_it_is(self):
        deep = [f"f{i}" for i in range(1024)]
        samples = [
            (["quote \" \\ {} ; | `", "<script>alert(1)</script>", "main"], 1, 7, {"reason": "lock", "process": "a b\"c\\d"}),
            (["ünï→🔥", "\u202egnp.exe", "main"], 2, 11, {"reason": "disk", "process": "日本"}),
            (["n" * 60_000, "main"], 3, 13, {"reason": "lock"}),
            (deep, 4, (1 << 62) + 1, {"reason": "sleep"}),
            (["", "main"], 5, 17, {"reason": "lock"}),
            (["main"], 0, 19, {}),
            (["main"], 23, 0, {}),
        ]
        samples += [(["main"], 1, i + 1, {"reason": "poll", "thread": f"t{i}"}) for i in range(300)]
        labels = {"service_name": "strange \"'\\{}=~,", "node": NODE, "k8s.pod": "p", "__name__": "mine", "empty": ""}
        pprof = self.profile(samples)
        self.push([("offcpu", labels, pprof)])
        sent = {"service_name": labels["service_name"], "node": NODE, "k8s_pod": "p"}
        wanted = [(sent, pprof_file.decode(pprof, names=pprof_file.SYSTEM_NAME).samples)]
        self.assertEqual({dict(series).get("thread") for series in series_of(*wanted[0])}, {None}, "300 threads are no series")
        self.check("offcpu", wanted, (self.START_NS, self.START_NS))
        self.parca.assert_alive()

    def test_what_is_no_profile_is_refused_for_good_before_it_is_sent(self):
        answers = parca_server.push(self.parca.address, [("cpu", {"node": "n"}, b"no profile"), ("wall", {}, self.profile([]))],
                                    self.folder)
        self.assertEqual([answer.split(":")[0] for answer in answers], ["INVALID_ARGUMENT", "INVALID_ARGUMENT"])
        self.assertEqual(self.parca.types(), set())


class Nameless(ParcaTest):
    """A program without symbols on a host; and the same with them, which the agent meets elsewhere."""

    SPINNING = {"SpinSixty", "SpinThirty", "SpinTen"}

    def setUp(self):
        super().setUp()
        self.stripped = self.folder / "planted_stripped"
        subprocess.run(["strip", "-o", self.stripped, sonde.WORKLOADS / "planted_cpu"], check=True)
        self.started_ns = time.time_ns()

    def start_agent(self, upload):
        config = self.folder / "sonde.yaml"
        config.write_text(f"node: n1\nexport:\n  - type: parca\n    endpoint: {self.parca.address}\n"
                          f"    symbol_upload: {{enabled: {upload}, rate: 512MiB}}\n")
        agent = self.keep(sonde.Agent(self.folder, None, window="4s", flags=("--config", config)))
        agent.wait_until_ready()
        agent.wait_until_tables_are_built()
        return agent

    def spin(self, program):
        """Some seconds of it, until Parca has the profile."""
        subprocess.run([program, self.folder / "report", "5", "1"], check=True)
        sonde.wait_until(f"for a profile of {program}", lambda: self.stacks(program.name))

    def stacks(self, process):
        """Of its on-CPU time, as Parca shows it; none before it has its profile."""
        if process not in self.parca.values("process"):
            return []
        selector = f'parca_agent:samples:count:cpu:nanoseconds:delta{{process="{process}"}}'
        return [sample.stack for sample in self.parca.samples(selector, {"process"}, self.started_ns - 10 ** 10, time.time_ns(),
                                                              pprof_file.NAME)]

    def names(self, process):
        """Words in the names of functions: Parca has these as DWARF or as symbol tables do."""
        return {word for stack in self.stacks(process) for frame in stack for word in re.findall(r"\w+", frame)}

    def debuginfo(self, agent):
        return {key: value if key == "last_error" else int(value)
                for key, value in agent.status()["targets"][0]["debuginfo"].items()}

    def test_parca_names_functions_by_what_it_asked_for_and_was_given(self):
        agent = self.start_agent("true")
        self.spin(self.stripped)
        sonde.wait_until("for all to be asked about", lambda: self.debuginfo(agent)["waiting"] == 0)
        self.assertGreater(self.debuginfo(agent)["nothing_to_give"], 0)
        self.assertFalse(self.names("planted_stripped") & self.SPINNING, "who told?")

        self.spin(sonde.WORKLOADS / "planted_cpu")
        sonde.wait_until("for all to be asked about", lambda: self.debuginfo(agent)["waiting"] == 0)
        print(self.debuginfo(agent))
        self.assertEqual(self.debuginfo(agent)["refused"], 0)
        self.assertGreater(self.debuginfo(agent)["uploaded"], 0)
        worker = agent.status()["debuginfo_worker"]
        self.assertTrue(int(worker["pid"]) > 0 and int(worker["cpu_ns"]) > 0 and int(worker["rss_bytes"]) > 0, worker)
        self.assertIn("for debug information", sonde.agentctl(agent.socket, "status").stdout)
        self.assertIn(f"debug information for {self.parca.address}", sonde.agentctl(agent.socket, "status").stdout)
        self.assertEqual(agent.stop(), 0)
        # Of what was pushed before it had them, too: it looks when it is asked.
        self.assertLessEqual(self.SPINNING, self.names("planted_stripped"), self.stacks("planted_stripped"))
        self.parca.assert_alive()

    def test_without_what_it_was_given_it_knows_places_only(self):
        agent = self.start_agent("false")
        self.spin(self.stripped)
        self.spin(sonde.WORKLOADS / "planted_cpu")
        self.assertNotIn("debuginfo", agent.status()["targets"][0])
        self.assertEqual(agent.stop(), 0)
        self.assertFalse(self.names("planted_stripped") & self.SPINNING)
        self.assertIn("planted_stripped+0x", str(self.stacks("planted_stripped")))


class Doctor(ParcaTest):
    def test_a_look_at_it_says_that_it_takes_profiles_and_leaves_none_there(self):
        finding = pushed_profiles.doctor_finding(self.folder, "parca", self.parca.address)
        self.assertEqual(finding["state"], "ok", finding)
        self.assertEqual(self.parca.types(), set())
        self.parca.assert_alive()


if __name__ == "__main__":
    unittest.main()
