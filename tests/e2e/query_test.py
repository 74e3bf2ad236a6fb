"""What the collector answers of random profiles is what `go tool pprof` computes from the same files, exactly."""

import collections
import gzip
import json
import os
import random
import re
import subprocess
import sys
import time
import unittest
import urllib.parse

import pprof_file
import sonde_processes as sonde
from pprof_file import field, varint

FUNCTIONS = [f"function_{n}" for n in range(12)]
SERVICES = ("web", "db")
MINUTE_MS = 60_000


def numbers(number, values):
    return field(number, b"".join(varint(v) for v in values))


class RandomProfile:
    """Off-CPU, of few functions, so that stacks meet themselves again; some places have an inlined frame."""

    def __init__(self, dice, start_ms):
        self.texts = {"": 0}
        self.start_ms = start_ms
        types = [("waits", "count"), ("delay", "nanoseconds")]
        parts = [field(pprof_file.SAMPLE_TYPE, field(1, self.text(t)) + field(2, self.text(u))) for t, u in types]
        parts.append(field(pprof_file.PERIOD_TYPE, field(1, self.text("waits")) + field(2, self.text("count"))))
        parts += [field(pprof_file.TIME, start_ms * 1_000_000), field(pprof_file.DURATION, MINUTE_MS * 1_000_000),
                  field(pprof_file.PERIOD, 1)]
        # Another program in each profile has its own ids for the same places.
        ids = dice.sample(range(1, 1000), 40)
        parts.append(field(pprof_file.MAPPING, field(1, 1) + field(2, 0x1000) + field(3, 0x100000)
                           + field(5, self.text("/bin/app")) + field(6, self.text("abcd")) + field(7, 1)))
        for place, number in enumerate(ids):
            lines = [place % 12] if place < 30 else [place % 12, (place + 5) % 12]
            parts.append(field(pprof_file.LOCATION, field(1, number) + field(2, 1) + field(3, 0x1000 + 16 * place)
                               + b"".join(field(4, field(1, f + 1) + field(2, 7)) for f in lines)))
        for number, name in enumerate(FUNCTIONS):
            parts.append(field(pprof_file.FUNCTION, field(1, number + 1) + field(2, self.text(name))
                               + field(3, self.text(name)) + field(4, self.text("app.cpp"))))
        for _ in range(80):
            stack = [ids[dice.randrange(40)] for _ in range(dice.randrange(1, 9))]
            waits = dice.randrange(0, 4)
            values = [waits, dice.randrange(1, 2**40) if waits else 0]
            label = field(1, self.text("reason")) + field(2, self.text(dice.choice(("disk", "lock", "pipe"))))
            parts.append(field(pprof_file.SAMPLE, numbers(1, stack) + numbers(2, values) + field(3, label)))
        parts += [field(pprof_file.STRING, text) for text in self.texts]
        self.bytes = b"".join(parts)

    def text(self, text):
        return self.texts.setdefault(text, len(self.texts))


class QueryTest(sonde.SondeTest):
    def setUp(self):
        super().setUp()
        self.seed = random.randrange(2**32)
        self.dice = random.Random(self.seed)
        self.server = self.collector()
        # Across midnight (UTC), so that the profiles are of two days for the store.
        self.begin_ms = int(time.time()) // 86_400 * 86_400_000 - 3 * MINUTE_MS
        self.files = collections.defaultdict(list)  # by service and half
        for number in range(12):
            profile = RandomProfile(self.dice, self.begin_ms + number // 2 * MINUTE_MS)
            file = self.folder / f"{number}.pb.gz"
            file.write_bytes(gzip.compress(profile.bytes))
            service = SERVICES[number % 2]
            self.files[service, number >= 6].append(file)
            answer = subprocess.run([sonde.PUSH_TOOL, self.server.grpc, "-", "0", file, "__name__=off_cpu",
                                     f"service_name={service}"], capture_output=True, text=True, timeout=sonde.PATIENCE)
            self.assertEqual(answer.stdout.split()[0], "OK", answer.stdout)

    def all_files(self, service=None, late=None):
        return [file for (name, half), files in self.files.items() for file in files
                if service in (None, name) and late in (None, half)]

    def pprof(self, *arguments):
        environment = dict(os.environ, PPROF_TMPDIR=str(self.folder / "pprof"))
        environment.pop("LD_PRELOAD", None)
        got = subprocess.run(["go", "tool", "pprof", *map(str, arguments)], capture_output=True, stdin=subprocess.DEVNULL,
                             timeout=sonde.PATIENCE, env=environment)
        self.assertEqual(got.returncode, 0, got.stderr)
        return got.stdout

    def top(self, files, sample_type, *flags):
        """{function: (self, total)} and the sum of all."""
        text = self.pprof("-top", "-nodecount=100000", "-nodefraction=0", "-edgefraction=0", "-unit=ns",
                          f"-sample_index={sample_type}", *flags, *files).decode()
        found = {}
        for line in text[text.index("cum%"):].splitlines()[1:]:
            flat, _, _, cum, _, name = line.split(None, 5)
            found[re.sub(r" \((partial-)?inline\)$", "", name)] = tuple(int(re.sub(r"ns$", "", n)) for n in (flat, cum))
        return found

    def ask(self, question, **parameters):
        times = {"from": self.begin_ms, "to": self.begin_ms + 6 * MINUTE_MS}
        return json.loads(self.server.fetch(f"/api/v1/{question}", kind="offcpu", **{**times, **parameters}))

    def middle(self):
        return self.begin_ms + 3 * MINUTE_MS

    def test_top(self):
        for service in (None, *SERVICES):
            for sample_type in ("waits", "delay"):
                query = f'{{service_name="{service}"}}' if service else ""
                ours = self.ask("top", query=query, sample_type=sample_type)
                functions = {f["function"]: (f["self"], f["total"]) for f in ours["functions"]}
                self.assertEqual(functions, self.top(self.all_files(service), sample_type), f"seed {self.seed}")

    def test_top_of_some_stacks(self):
        for regex in ("function_1$", "function_[345]", "_1"):
            ours = self.ask("top", focus=regex, ignore="function_7")
            functions = {f["function"]: (f["self"], f["total"]) for f in ours["functions"]}
            theirs = self.top(self.all_files(), "delay", f"-focus={regex}", "-ignore=function_7")
            self.assertEqual(functions, theirs, f"seed {self.seed}")
            over_time = self.ask("timeline", by="reason", focus=regex, ignore="function_7")
            self.assertEqual(over_time["total"], sum(flat for flat, _ in theirs.values()), f"seed {self.seed}")
            self.assertEqual(sum(sum(row["values"]) for row in over_time["series"]), over_time["total"])

    def test_flame_graph(self):
        """Its nodes are the stacks: for each function, what ends in its nodes is its self value."""
        for root in ("", "reason"):
            flame = self.ask("flamegraph", max_nodes=200_000, root=root)
            self.assertEqual(flame["dropped"], 0)
            sums = collections.Counter()
            for name, value in zip(flame["name"], flame["self_values"]):
                sums[flame["names"][name]] += value
            theirs = {name: flat for name, (flat, _) in self.top(self.all_files(), "delay").items() if flat}
            self.assertEqual({name: value for name, value in sums.items() if value}, theirs, f"seed {self.seed}")

    def test_merged_profile(self):
        address = f"http://{self.server.http}/pprof/offcpu?from={self.begin_ms}&to={self.begin_ms + 6 * MINUTE_MS}"
        ours, theirs = self.samples(address), self.samples(*self.all_files())
        self.assertEqual(ours, theirs, f"seed {self.seed}")

    def samples(self, *sources):
        """{(stack, reason): values} of what pprof makes of them together."""
        sums = collections.defaultdict(lambda: (0, 0))
        for sample in pprof_file.decode(self.pprof("-proto", "-output=/dev/stdout", *sources)).samples:
            key = (tuple(sample.frames), sample.labels["reason"])
            sums[key] = tuple(a + b for a, b in zip(sums[key], sample.values))
        return {key: values for key, values in sums.items() if any(values)}

    def test_diff(self):
        """Of times, and of services."""
        pairs = [(dict(**{"from": self.middle()}, base_from=self.begin_ms, base_to=self.middle()),
                  self.all_files(late=True), self.all_files(late=False)),
                 (dict(query='{service_name="web"}', base_query='{service_name="db"}'),
                  self.all_files("web"), self.all_files("db"))]
        for parameters, files, base in pairs:
            ours = self.ask("diff", normalize="none", limit=1000, **parameters)
            functions = {f["function"]: (f["self"] - f["base_self"], f["total"] - f["base_total"]) for f in ours["functions"]}
            merged = self.folder / "base.pb.gz"
            self.pprof("-proto", f"-output={merged}", *base)
            theirs = self.top(files, "delay", f"-base={merged}")
            self.assertEqual({f: v for f, v in functions.items() if any(v)}, {f: v for f, v in theirs.items() if any(v)},
                             f"seed {self.seed}")
            by_address = self.top([self.address(parameters, "")], "delay", f"-base={self.address(parameters, 'base_')}")
            self.assertEqual({f: v for f, v in by_address.items() if any(v)}, {f: v for f, v in theirs.items() if any(v)})

    def address(self, parameters, prefix):
        asked = {"from": self.begin_ms, "to": self.begin_ms + 6 * MINUTE_MS}
        if prefix == "":
            asked |= {k: v for k, v in parameters.items() if not k.startswith("base_")}
        else:
            asked |= {k.removeprefix(prefix): v for k, v in parameters.items() if k.startswith(prefix)}
        return f"http://{self.server.http}/pprof/offcpu?{urllib.parse.urlencode(asked)}"

    def test_other_views_add_up_to_it(self):
        total = sum(flat for flat, _ in self.top(self.all_files(), "delay").values())
        self.assertEqual(self.ask("timeline", by="reason", step=17)["total"], total)
        self.assertEqual(sum(sum(row["values"]) for row in self.ask("timeline", by="service_name")["series"]), total)
        self.assertEqual(sum(row["total"] for row in self.ask("waits")["rows"]), total)
        self.assertEqual(sum(map(sum, self.ask("heatmap")["values"])), total)
        for name, (flat, cum) in self.top(self.all_files(), "delay").items():
            sandwich = self.ask("sandwich", function=name)
            self.assertEqual((sandwich["self"], sandwich["function_total"]), (flat, cum), f"seed {self.seed}")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
