"""What the agent records, pushed to a real OpenTelemetry Collector and read from what that one wrote.

Needs root, the programs of the build tree in SONDE_BUILD, and a Collector in SONDE_OTEL_COLLECTOR.
"""

import collections
import unittest

import otelcol_server
from otelcol_server import pprof_file, pushed_profiles, sonde

import known_loads

NODE = "node \"1\" \\ é"
HOST_ID = "0123456789abcdef0123456789abcdef"
LOAD_SECONDS = 8
# By kind: types as they are told by OTLP, in this order, and which of our values each is.
TYPES = {
    "cpu": {"samples/count": 0},  # and by their period the time
    "offcpu": {"off_cpu/nanoseconds": 1, "waits/count": 0},
    "wall": {"wall/nanoseconds": 0},
    "faults": {"bytes/bytes": 1, "faults/count": 0},
    "wait_lengths": {"wait_lengths/count": 0},
}
PERIOD_TYPES = {"samples/count": "cpu/nanoseconds", "off_cpu/nanoseconds": "/",
                "waits/count": "waits/count", "wall/nanoseconds": "wall/nanoseconds", "bytes/bytes": "faults/count",
                "faults/count": "faults/count", "wait_lengths/count": "wait_lengths/count"}
KEYS = {"process": "process.executable.name"}


def decoded(pprof):
    return pprof_file.decode(pprof, names=pprof_file.SYSTEM_NAME)


def sums_of(profile, value):
    """{(attributes, symbols leaf first): sum} of one value of a pprof."""
    sums = collections.Counter()
    for sample in profile.samples:
        attributes = frozenset((KEYS.get(name, "sonde." + name), text) for name, text in sample.labels.items())
        sums[attributes, tuple(sample.stack)] += sample.values[value]
    return collections.Counter({key: found for key, found in sums.items() if found})


class OtelCollectorTest(sonde.SondeTest):
    maxDiff = 4000

    def setUp(self):
        super().setUp()
        self.otelcol = self.keep(otelcol_server.Collector(self.folder)).wait_until_ready()

    def push(self, profiles):
        """Pushes (kind, labels, pprof), which the server takes. The requests that each became."""
        self.assertEqual(set(otelcol_server.push(self.otelcol.address, profiles, self.folder)), {"OK"})
        return self.received(len(profiles))

    def received(self, profiles, instance=otelcol_server.PUSH_TOOLS_INSTANCE):
        """What was told of each of so many profiles, in one or more parts, in the order of their sequence."""
        told = self.otelcol.stop_and_read()
        ids = [profile.id for part in told for profile in part.profiles]
        self.assertEqual(len(set(ids)), len(ids), "two profiles of one id")
        by_sequence = collections.defaultdict(list)
        for part in told:
            by_sequence[part.sequence(instance)].append(part)
        self.assertEqual(sorted(by_sequence), list(range(1, profiles + 1)))
        return [by_sequence[sequence] for sequence in range(1, profiles + 1)]

    def check(self, kind, pprof, requests):
        """That `requests` tell exactly what `pprof` does. {type: sum}."""
        wanted = decoded(pprof)
        totals = {}
        for name, value in TYPES[kind].items():
            parts = [profile for request in requests for profile in request.profiles if profile.type == name]
            found = sum((part.sums() for part in parts), collections.Counter())
            expected = sums_of(wanted, value)
            self.assertEqual(sum(found.values()), sum(expected.values()), name)
            wrong = {key: (expected[key], found[key]) for key in expected.keys() | found.keys() if expected[key] != found[key]}
            self.assertEqual(wrong, {}, f"{name}: wanted and found, by attributes and stack")
            for part in parts:
                self.assertEqual((part.time_ns, part.duration_ns), (wanted.time_ns, wanted.duration_ns))
                self.assertEqual(part.period_type, PERIOD_TYPES[name])
                if kind == "cpu":
                    self.assertEqual(part.period * sum(part.sums().values()), sum(sums_of(wanted, 1).values()), "the time of these ticks")
            totals[name] = sum(found.values())
        self.assertEqual({profile.type for request in requests for profile in request.profiles} - set(TYPES[kind]), set())
        return totals


class Recorded(OtelCollectorTest):
    def record(self):
        """An agent pushes a load of all kinds, in some windows, to Sonde's collector and by OTLP. What the former stored."""
        collector = self.collector()
        configuration = self.folder / "sonde.yaml"
        configuration.write_text(f"export:\n  - {{endpoint: \"{collector.grpc}\"}}\n"
                                 f"  - {{type: otlp, endpoint: \"{self.otelcol.address}\"}}\n")
        agent = self.agent(None, window="4s", flags=("--config", configuration, "--node", NODE))
        agent.wait_until_tables_are_built()
        loads = [known_loads.Load(self.folder, "spinners", LOAD_SECONDS, 1),
                 known_loads.Load(self.folder, "planted_waits", LOAD_SECONDS)]
        for load in loads:
            self.addCleanup(load.discard)
        for load in loads:
            load.finish()
        self.assertEqual([target["endpoint"] for target in agent.status()["targets"]], [collector.grpc, self.otelcol.address])
        self.assertEqual(agent.stop(), 0)
        (self.instance,) = sonde.requests_of(collector.store)
        return collector.profiles()

    def test_every_kind_arrives_to_the_last_nanosecond_and_sample(self):
        stored = self.record()
        self.assertEqual({profile.kind for profile in stored}, set(TYPES), "a kind was not recorded")
        totals = collections.Counter()
        frame_types = set()
        for profile, requests in zip(stored, self.received(len(stored), self.instance)):
            totals.update({(profile.kind, name): total
                           for name, total in self.check(profile.kind, profile.gz, requests).items()})
            for request in requests:
                self.assertEqual(request.resource["service.name"], profile.labels["service_name"])
                self.assertEqual(request.resource["host.name"], NODE)
                frame_types |= request.frame_types()
        self.assertLessEqual(len(self.otelcol.requests), len({profile.end_ns for profile in stored}), "a window is more than one request")
        for (kind, name), total in sorted(totals.items()):
            print(f"{kind}: {name}, sum {total} as stored, of {len(stored)} profiles of all kinds")
            self.assertGreater(total, 0)
        self.assertEqual({kind for file, kind in frame_types if file == "[kernel.kallsyms]"}, {"kernel"})
        self.assertEqual({kind for file, kind in frame_types if file.endswith("/libc.so.6")}, {"native"})


class Strange(OtelCollectorTest):
    START_NS, DURATION_NS = 1_700_000_000_000_000_001, 59_999_999_999

    def profile(self, samples):
        return pushed_profiles.offcpu_pprof(samples, self.START_NS, self.DURATION_NS)

    def test_what_is_strange_arrives_as_it_is(self):
        samples = [
            (["quote \" \\ {} ; | `", "<script>alert(1)</script>", "main"], 1, 7, {"reason": "lock", "process": "a b\"c\\d"}),
            (["ünï→🔥", "\u202egnp.exe", "main"], 2, 11, {"reason": "disk", "process": "日本"}),
            (["n" * 60_000, "main"], 3, 13, {"reason": "lock"}),
            ([f"f{i}" for i in range(1024)], 4, (1 << 62) + 1, {"reason": "sleep"}),
            (["main"], 0, 19, {}),
            (["main", "main"], 23, 0, {}),
            ([], 1, 29, {"reason": "lock"}),
        ]
        labels = {"service_name": "strange \"'\\{}=~,", "node": NODE, "team": "日本", "pod": "web-1", "container": "app"}
        pprof = self.profile(samples)
        ((request,),) = self.push([("offcpu", labels, pprof)])
        self.check("offcpu", pprof, [request])
        self.assertEqual(request.resource, {"service.name": labels["service_name"], "host.name": NODE, "team": "日本",
                                            "k8s.pod.name": "web-1", "k8s.container.name": "app",
                                            "host.id": HOST_ID})

    def test_what_is_larger_than_a_message_may_be_arrives_in_parts(self):
        samples = [([f"{depth}_{i % 997}_{'x' * 40}" for depth in range(8)] + [f"leaf_{i}_{'y' * 200}"], 1, i + 1,
                    {"reason": "disk"}) for i in range(30_000)]
        pprof = self.profile(samples)
        (requests,) = self.push([("offcpu", {"service_name": "large"}, pprof)])
        self.assertGreater(len(requests), 1)
        self.assertEqual(self.check("offcpu", pprof, requests),
                         {"off_cpu/nanoseconds": sum(range(1, 30_001)), "waits/count": 30_000})

    def test_what_is_no_profile_is_refused_before_it_is_sent(self):
        answers = otelcol_server.push(self.otelcol.address, [("cpu", {}, b"no profile"), ("offcpu", {}, self.profile([]))],
                                      self.folder)
        self.assertIn("refused_invalid_argument", answers[0])
        self.assertEqual(answers[1], "OK", "there was nothing to send")
        self.assertEqual(self.otelcol.stop_and_read(), [])


class Doctor(OtelCollectorTest):
    def test_a_look_at_it_says_that_it_takes_profiles_and_leaves_none_there(self):
        finding = pushed_profiles.doctor_finding(self.folder, "otlp", self.otelcol.address)
        self.assertEqual(finding["state"], "ok", finding)
        self.assertIn("otlp in clear text", finding["found"])
        self.assertEqual(self.otelcol.stop_and_read(), [])

    def test_one_that_takes_no_profiles_is_told_with_what_lets_it(self):
        other = self.keep(otelcol_server.Collector(self.folder, signal="logs")).wait_until_ready()
        finding = pushed_profiles.doctor_finding(self.folder, "otlp", other.address)
        self.assertEqual(finding["state"], "failed", finding)
        self.assertIn("UNIMPLEMENTED", finding["found"])
        self.assertIn("service.profilesSupport", finding["found"] + finding["advice"])


if __name__ == "__main__":
    unittest.main()
