"""A collector answers what Grafana asks as its own interface does, exactly.

Needs root, the programs of the build tree in SONDE_BUILD, and what asks in SONDE_GRAFANA_QUESTIONS.
"""

import collections
import gzip
import json
import subprocess
import time
import unittest

import grafana_questions
from grafana_questions import pprof_file, pushed_profiles, sonde

import known_loads

LOAD_SECONDS = 8
NAMES = {"cpu": "process_cpu", "offcpu": "off_cpu", "wall": "wall", "faults": "page_faults",
         "wait_lengths": "wait_lengths"}


class GrafanaTest(sonde.SondeTest):
    maxDiff = 4000

    def own(self, question, kind, selector="", **more):
        """What the collector's interface answers of the same time."""
        times = {"from": self.source.start, "to": self.source.end}
        return json.loads(self.server.fetch(f"/api/v1/{question}", **({"kind": kind} if kind else {}),
                                            **({"query": selector} if selector else {}), **times, **more))

    def own_points(self, kind, sample_type, selector="", by=""):
        answer = self.own("timeline", kind, selector, sample_type=sample_type, step=15, limit=10_000, **({"by": by} if by else {}))
        return {row["value"]: dict(zip(answer["times_ms"], row["values"])) for row in answer["series"]}

    def own_stacks(self, kind, sample_type, selector=""):
        flame = self.own("flamegraph", kind, selector, sample_type=sample_type, max_nodes=200_000)
        names = [flame["names"][name] for name in flame["name"]]
        return grafana_questions.stacks_of(zip(flame["depth"], names, flame["total_values"], flame["self_values"]))

    def look_at(self, at):
        """Both codecs say the same at every question of this."""
        self.source = at
        answers = []
        for codec in ("", "json"):
            at.settings["Codec"] = codec
            answers.append(self.questions())
        at.settings["Codec"] = ""
        self.assertEqual(answers[0], answers[1], "by protobuf and by JSON")

    def questions(self):
        kinds = {kind["kind"]: kind for kind in self.own("kinds", "")["kinds"]}
        types = self.source.types()
        for found in types.values():
            self.assertEqual(found["ID"], ":".join(found[part] for part in (
                "name", "sampleType", "sampleUnit", "periodType", "periodUnit")))
        told = {(NAMES[name], value["type"], value["unit"]) for name, kind in kinds.items() for value in kind["sample_types"]}
        self.assertEqual({(t["name"], t["sampleType"], t["sampleUnit"]) for t in types.values()}, told)
        self.check_series(types)
        ours = {theirs: name for name, theirs in NAMES.items()}
        for type_id, found in types.items():
            with self.subTest(type_id):
                self.check_type(type_id, ours[found["name"]], found["sampleType"])
        return types

    def check_series(self, types):
        wanted = {(series["labels"].get("service_name", ""), type_id) for series in self.own("series", "")["series"]
                  for type_id, found in types.items() if found["name"] == NAMES[series["kind"]]}
        listed = self.source.series(["service_name", "__profile_type__"])
        self.assertEqual({(s.get("service_name", ""), s["__profile_type__"]) for s in listed}, wanted)
        self.assertEqual(self.source.label_values("__profile_type__", "{}"), sorted(types))
        some = sorted(wanted)[0]
        self.assertEqual(set(self.source.label_values("__profile_type__", f"{{service_name={json.dumps(some[0])}}}")),
                         {type_id for service, type_id in wanted if service == some[0]})

    def check_type(self, type_id, kind, sample_type):
        services = self.own("values", kind, label="service_name")["values"]
        nameless = any("service_name" not in series["labels"] for series in self.own("series", kind)["series"])
        for selector in ["", *(sonde.selector({"service_name": service}) for service in services[:3])]:
            self.check_labels(type_id, kind, selector)
            self.check_metrics(type_id, kind, sample_type, selector)
            self.assertEqual(self.stacks(type_id, selector or "{}"), self.own_stacks(kind, sample_type, selector), selector)
        both = self.source.metrics(type_id, by=("service_name", "reason"))
        apart = {(service, reason): points for service in services + [""] * nameless for reason, points in self.own_points(
            kind, sample_type, sonde.selector({"service_name": service}), "reason").items()}
        self.assert_same_points(both, apart)
        few = grafana_questions.tree_of(self.source.profile(type_id, maxNodes=10))
        self.assertEqual(sum(own for *_, own in few), sum(self.own_stacks(kind, sample_type).values()), "frames cut off are summed")

    def stacks(self, type_id, selector, **more):
        return grafana_questions.stacks_of(grafana_questions.tree_of(
            self.source.profile(type_id, selector, maxNodes=200_000, **more)))

    def check_labels(self, type_id, kind, selector):
        inner = selector.strip("{}")
        theirs = f'{{__profile_type__="{type_id}"{", " if inner else ""}{inner}}}'
        names = self.own("labels", kind, selector)["labels"]
        self.assertEqual(self.source.label_names(theirs), names)
        for name in names:
            self.assertEqual(self.source.label_values(name, theirs), self.own("values", kind, selector, label=name)["values"])

    def check_metrics(self, type_id, kind, sample_type, selector):
        for by in ("", "service_name", "process"):
            found = self.source.metrics(type_id, selector or "{}", (by,) if by else ())
            wanted = {(value,) if by else (): points for value, points in self.own_points(kind, sample_type, selector, by).items()}
            self.assert_same_points(found, wanted)

    def assert_same_points(self, found, wanted):
        """One who has nothing at any step may be left out by either, and steps at which there is nothing."""
        def of(series):
            return {key: kept for key, points in series.items() if (kept := {t: float(v) for t, v in points.items() if v})}
        self.assertEqual(of(found), of(wanted))

    def push(self, profiles):
        """(labels, samples as pushed_profiles has them), one a minute. The data source that shows them."""
        start_ms = int(time.time() // 60 - len(profiles)) * 60_000
        for number, (labels, samples) in enumerate(profiles):
            file = self.folder / f"{number}.pb.gz"
            file.write_bytes(gzip.compress(pushed_profiles.offcpu_pprof(
                samples, (start_ms + number * 60_000) * 1_000_000, 60_000_000_000)))
            said = subprocess.run([sonde.PUSH_TOOL, self.server.grpc, "-", "0", file, "__name__=off_cpu",
                                   *(f"{name}={value}" for name, value in labels.items())],
                                  capture_output=True, text=True, timeout=sonde.PATIENCE).stdout
            self.assertEqual(said.split()[0], "OK", said)
        return grafana_questions.DataSource(self.server.http, start_ms, start_ms + len(profiles) * 60_000)


class Recorded(GrafanaTest):
    def test_every_question_is_answered_as_by_the_collectors_own_interface(self):
        self.server = self.collector()
        started_ms = int(time.time() * 1000)
        agent = self.agent(self.server.grpc, window="4s")
        agent.wait_until_tables_are_built()
        loads = [known_loads.Load(self.folder, "spinners", LOAD_SECONDS, 1),
                 known_loads.Load(self.folder, "planted_waits", LOAD_SECONDS)]
        for load in loads:
            self.addCleanup(load.discard)
        for load in loads:
            load.finish()
        self.assertEqual(agent.stop(), 0)
        stored = self.server.profiles()
        self.assertEqual({profile.kind for profile in stored}, set(NAMES), "a kind was not recorded")
        source = grafana_questions.DataSource(self.server.http, started_ms, int(time.time() * 1000) + 1000)
        self.look_at(source)
        for type_id, found in source.types().items():
            total = sum(sum(points.values()) for points in source.metrics(type_id).values())
            print(f"{type_id}: {len(source.metrics(type_id, by=('service_name',)))} services, sum {total:.0f}, "
                  f"{len(grafana_questions.tree_of(source.profile(type_id)))} frames")
        self.check_pprof(source)

    def check_pprof(self, source):
        """Of the pprof that is merged for it, all values by labels."""
        theirs, ours = collections.Counter(), collections.Counter()
        answer = source.ask("SelectMergeProfile", profileTypeID=Pushed.DELAY, labelSelector="{}")
        texts = answer["stringTable"]
        for sample in answer["sample"]:
            labels = frozenset((texts[int(label["key"])], texts[int(label.get("str", 0))]) for label in sample["label"])
            for index, value in enumerate(sample["value"]):
                theirs[labels, index] += int(value)
        for sample in pprof_file.decode(self.server.fetch("/pprof/offcpu", **{"from": source.start, "to": source.end})).samples:
            for index, value in enumerate(sample.values):
                ours[frozenset(sample.labels.items()), index] += value
        self.assertEqual(theirs, ours)


class Pushed(GrafanaTest):
    DELAY = "off_cpu:delay:nanoseconds:waits:count"
    SPANS = ["9a517183f26a089d", "5a4fe264a9c987fe", "0000000000000001"]

    def setUp(self):
        super().setUp()
        self.server = self.collector()

    def test_strange_names_are_shown_as_they_are(self):
        samples = [(["quote \" \\ {} ; | `", "<script>alert(1)</script>", "main"], 1, 7, {"reason": "lock", "process": "a b\"c\\d"}),
                   (["ünï→🔥", "\u202egnp.exe", "main"], 2, 11, {"reason": "disk", "process": "日本"}),
                   (["main"], 3, 13, {}), (["main", "main"], 1, 5, {"reason": "lock"}), (["z"], 4, 0, {"reason": "zero"}),
                   ([f"f{i}" for i in range(500)], 1, (1 << 53) + 1, {"reason": "sleep"})]
        self.look_at(self.push([({"service_name": "strange \"'\\{}=~,", "node": "n"}, samples),
                                ({"service_name": "plain"}, samples[:2]), ({"node": "no service"}, samples[3:])]))

    def test_a_span_of_a_trace_has_a_flame_graph_of_its_own(self):
        one, two, other = self.SPANS
        source = self.source = self.push([({"service_name": "web"}, [
            (["read", "main"], 1, 10, {"span_id": one}), (["write", "main"], 1, 200, {"span_id": two}),
            (["idle", "main"], 1, 3000, {})]), ({"service_name": "db"}, [(["read", "main"], 1, 40_000, {"span_id": one})])])
        stacks = {("main", "read"): 40_010, ("main", "write"): 200}
        for method in ("SelectMergeSpanProfile", "SelectMergeStacktraces"):
            self.assertEqual(self.stacks(self.DELAY, "{}", method=method, spanSelector=[one, two.upper()]), stacks)
            self.assertEqual(self.stacks(self.DELAY, '{service_name="web"}', method=method, spanSelector=[one]), {("main", "read"): 10})
            self.assertIsNone(source.profile(self.DELAY, "{}", method=method, spanSelector=[other]))
            with self.assertRaisesRegex(grafana_questions.Refused, "invalid_argument.*16 hexadecimal"):
                source.profile(self.DELAY, "{}", method=method, spanSelector=['"} or {'])
        self.assertEqual(self.own_stacks("offcpu", "delay", f'{{span_id=~"{one}|{two}"}}'), stacks)

    def test_nothing_there_is_an_empty_answer_and_what_is_wrong_or_missing_is_told(self):
        source = self.push([({"service_name": "web"}, [(["main"], 1, 10, {"reason": "lock"})])])
        self.assertIsNone(source.profile(self.DELAY, '{service_name="no"}'))
        self.assertEqual(source.metrics(self.DELAY, '{service_name="no"}'), {})
        self.assertEqual(source.label_names('{service_name="no"}'), [])
        later = grafana_questions.DataSource(self.server.http, source.end + 3_600_000, source.end + 7_200_000)
        self.assertEqual((later.types(), later.series([]), later.profile(self.DELAY)), ({}, [], None))
        self.assertEqual(later.label_values("__profile_type__", "{}"), [])
        for code, ask in {
            "invalid_argument": lambda: source.profile("cpu"),
            "unimplemented": lambda: source.profile(self.DELAY, profileIdSelector=["7c9e6679-7425-40de-944b-e07fc1f90ae7"]),
        }.items():
            with self.assertRaisesRegex(grafana_questions.Refused, code):
                ask()
        for method, more in (("SelectHeatmap", {"step": 15}), ("SelectSeries", {"step": 15, "aggregation": 1}),
                             ("SelectMergeStacktraces", {"stackTraceSelector": {"callSite": [{"name": "main"}]}})):
            with self.assertRaisesRegex(grafana_questions.Refused, "unimplemented"):
                source.ask(method, profileTypeID=self.DELAY, labelSelector="{}", **more)
        with self.assertRaisesRegex(grafana_questions.Refused, "invalid_argument.*expected"):
            source.label_names('{service_name=')

    def test_of_many_series_the_heaviest_are_given(self):
        source = self.push([({"service_name": f"s{i}"}, [(["main"], 1, i + 1, {})]) for i in range(5)])
        self.assertEqual(list(source.metrics(self.DELAY, by=("service_name",), limit=2)), [("s4",), ("s3",)])


if __name__ == "__main__":
    unittest.main()
