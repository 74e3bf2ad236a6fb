"""What Grafana's data source for Pyroscope asks, asked by the client of Pyroscope's API and Grafana's own SDK."""

import collections
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import pushed_profiles  # noqa: E402  knows where the next are
import pprof_file  # noqa: E402, F401
import sonde_processes as sonde  # noqa: E402

QUESTIONS = os.environ.get("SONDE_GRAFANA_QUESTIONS", "")
MOST_NODES = 16_384  # what Explore asks for


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class DataSource:
    """One that is configured with the address of a collector, and a time picked; ms."""

    def __init__(self, http, start, end, codec=""):
        self.settings = {"URL": f"http://{http}", "Codec": codec, "JSONData": {"minStep": "15s"}}
        self.start, self.end = start, end

    def ask(self, method, **request):
        question = {"method": method, "request": {"start": self.start, "end": self.end, **request}}
        done = subprocess.run([QUESTIONS, json.dumps(self.settings)], input=json.dumps(question) + "\n", capture_output=True,
                              text=True, timeout=sonde.PATIENCE)
        if done.returncode != 0:
            raise AssertionError(f"{question}: {done.stderr}")
        reply = json.loads(done.stdout)
        if "code" in reply:
            raise Refused(reply["code"], reply["message"])
        return reply["answer"]

    def types(self):
        """That the button which tests the data source asks for, and each query's first choice: {id: fields}."""
        return {found["ID"]: found for found in self.ask("ProfileTypes").get("profileTypes", [])}

    def label_names(self, selector):
        return self.ask("LabelNames", matchers=[selector]).get("names", [])

    def label_values(self, label, selector):
        return self.ask("LabelValues", name=label, matchers=[selector]).get("names", [])

    def series(self, labels, selector=None):
        """Sets of labels, as the app for profiles lists its services."""
        answer = self.ask("Series", labelNames=labels, **({"matchers": [selector]} if selector else {}))
        return [{pair["name"]: pair["value"] for pair in found["labels"]} for found in answer.get("labelsSet", [])]

    def metrics(self, type_id, selector="{}", by=(), step=15, **more):
        """{(values of `by`): {ms: value}}."""
        answer = self.ask("SelectSeries", profileTypeID=type_id, labelSelector=selector, groupBy=list(by), step=step, **more)
        found = {}
        for series in answer.get("series", []):
            labels = {pair["name"]: pair["value"] for pair in series.get("labels", [])}
            points = {int(point["timestamp"]): point.get("value", 0) for point in series["points"]}
            found[tuple(labels.get(name, "") for name in by)] = points
        return found

    def profile(self, type_id, selector="{}", method="SelectMergeStacktraces", **more):
        """The flame graph, or None."""
        request = {"maxNodes": MOST_NODES, **more}
        return self.ask(method, profileTypeID=type_id, labelSelector=selector, **request).get("flamegraph")


def tree_of(graph):
    """[(depth, name, total, self)] depth first of a flame graph in levels: whose bounds a frame is in is its parent."""
    names = graph["names"]
    above = []
    for depth, level in enumerate(graph["levels"]):
        values = [int(value) for value in level["values"]]
        row, end, parent = [], 0, 0
        for at in range(0, len(values), 4):
            begin, total = end + values[at], values[at + 1]
            end = begin + total
            while above and not above[parent]["begin"] <= begin <= end <= above[parent]["end"]:
                parent += 1  # beyond the last: the graph is none
            node = {"begin": begin, "end": end, "depth": depth, "name": names[values[at + 3]], "total": total,
                    "self": values[at + 2], "nodes": []}
            if above:
                above[parent]["nodes"].append(node)
            else:
                root = node
            row.append(node)
        above = row
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        found.append((node["depth"], node["name"], node["total"], node["self"]))
        waiting += reversed(node["nodes"])
    return found


def stacks_of(nodes):
    """{stack from the root's child on: self} of [(depth, name, total, self)] depth first."""
    stacks, path = collections.Counter(), []
    for depth, name, _, own in nodes:
        path[depth:] = [name]
        stacks[tuple(path[1:])] += own
    return {stack: own for stack, own in stacks.items() if own}
