"""What Prometheus gets of the agent and the collector, and the alerts and the dashboard that are made of it. promtool is the referee."""

import json
import pathlib
import re
import subprocess
import unittest
import urllib.request

import yaml

import sonde_processes as sonde

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus/sonde.rules.yaml"
DASHBOARD = DEPLOY / "grafana/sonde.json"

# What Prometheus adds by itself.
OF_PROMETHEUS = {"up"}
LABELS_OF_PROMETHEUS = {"job", "instance", "le"}
# Words of PromQL that stand where a metric's name may.
KEYWORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right"}


def promtool(*arguments, text=None):
    """What it says, when it has nothing to complain of."""
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True, text=True, timeout=sonde.PATIENCE)
    if done.returncode != 0 or "FAILED" in done.stdout + done.stderr:
        raise AssertionError(f"promtool {arguments}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def expressions():
    """{where: PromQL} of all alerts and all panels, with Grafana's variables filled in."""
    found = {f"alert {rule['alert']}": rule["expr"]
             for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    dashboard = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            found[f"panel {panel['title']} {target['refId']}"] = target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
            found[f"variable {variable['name']}"] = f"count by ({label}) ({metric})"
    return {where: re.sub(r"\$(agent|collector)\b", ".*", text.replace("$__rate_interval", "5m"))
            for where, text in found.items()}


def names_and_labels(expression):
    """({metrics}, {labels}) that a PromQL expression speaks of."""
    text = re.sub(r'"[^"]*"', '""', expression)
    labels = {label for matchers in re.findall(r"\{([^}]*)\}", text) for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)}
    for of_words in re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", text):
        labels.update(re.findall(r"\w+", of_words))
    text = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(?:by|without|on|ignoring)\s*\([^)]*\)", " ", text)
    names = {word for word, call in re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)\s*(\()?", text) if not call and word not in KEYWORDS}
    return names, labels


def families(text):
    """The metrics that a text of Prometheus's format has, those of histograms by their parts."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M):
        names.update({name + part for part in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name})
    return names


def labels_of_sources():
    """What metrics may be labelled by: not all have a value in the first seconds."""
    found = set()
    for program in ("agent", "collector"):
        found.update(re.findall(r'\{"(\w+)", ', (DEPLOY.parent / program / "app/metrics_report.cpp").read_text()))
    return found


class Files(unittest.TestCase):
    def test_alerts_fire_for_what_they_are_for_and_for_nothing_else(self):
        self.assertIn("SUCCESS", promtool("check", "rules", RULES))
        self.assertIn("SUCCESS", promtool("test", "rules", RULES.with_name("sonde.rules.test.yaml")))
        tested = RULES.with_name("sonde.rules.test.yaml").read_text()
        for group in yaml.safe_load(RULES.read_text())["groups"]:
            for rule in group["rules"]:
                self.assertIn(f"alertname: {rule['alert']}\n        exp_alerts:", tested, "no test in which it fires")

    def test_a_metric_or_label_that_is_none_would_be_found(self):
        names, labels = names_and_labels('sum by (a) (rate(x_total{b=~".*"}[5m])) > on (c) 2 * time() and histogram_quantile(0.9, y)')
        self.assertEqual(names, {"x_total", "y"})
        self.assertEqual(labels, {"a", "b", "c"})


class Real(sonde.SondeTest):
    def test_what_is_served_is_in_order_and_all_that_alerts_and_dashboard_use(self):
        port = sonde.free_port()
        config = self.folder / "agent.yaml"
        config.write_text(f"metrics: {{listen: \"127.0.0.1:{port}\"}}\n")
        collector = self.collector()
        agent = self.agent(collector.grpc, flags=("--config", config))
        sonde.wait_until("for a window to be sent", lambda: agent.target()["sent"] > 0)
        collector.fetch("/api/v1/series", kind="cpu")
        texts = [urllib.request.urlopen(f"http://127.0.0.1:{of}/metrics", timeout=sonde.PATIENCE).read().decode()
                 for of in (port, collector.http_port)]
        for text in texts:
            self.assertEqual(promtool("check", "metrics", text=text).strip(), "")
        names, labels = families("\n".join(texts)), labels_of_sources()
        self.assertLessEqual(set(re.findall(r'[{,](\w+)="', "\n".join(texts))), labels | LABELS_OF_PROMETHEUS)
        for where, expression in expressions().items():
            used_names, used_labels = names_and_labels(expression)
            self.assertTrue(used_names, where)
            self.assertLessEqual(used_names, names | OF_PROMETHEUS, where)
            self.assertLessEqual(used_labels, labels | LABELS_OF_PROMETHEUS, where)
        # Prometheus's own parser of expressions.
        rules = self.folder / "panels.yaml"
        rules.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": [
            {"record": f"panel:{i}", "expr": expression} for i, expression in enumerate(expressions().values())]}]}))
        self.assertIn("SUCCESS", promtool("check", "rules", rules))

        value = dict(re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", texts[1], re.M))
        stored = len(collector.profiles())
        self.assertGreater(int(value["sonde_collector_profiles_total"]), 0)
        self.assertLessEqual(int(value["sonde_collector_profiles_total"]), stored)
        self.assertGreater(int(value['sonde_collector_pushes_total{outcome="stored"}']), 0)
        self.assertGreater(int(value["sonde_collector_samples_total"]), 0)
        self.assertGreater(int(value["sonde_collector_push_bytes_total"]), 0)
        self.assertEqual(int(value['sonde_collector_query_duration_seconds_count{question="series"}']), 1)
        self.assertGreater(int(value["sonde_collector_store_bytes"]), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
