"""The Helm chart as Helm renders it: held against the plain manifests, the types of Kubernetes's API, and the agent itself."""

import copy
import os
import pathlib
import subprocess
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
CHART = ROOT / "deploy/helm/sonde"
PLAIN = ROOT / "deploy/kubernetes"
HELM = os.environ.get("SONDE_HELM", "helm")
READER = os.environ.get("SONDE_MANIFESTS", "manifests")
API = os.environ.get("SONDE_KUBERNETES_API", "swagger.json")  # as Kubernetes publishes it
AGENT = pathlib.Path(os.environ.get("SONDE_BUILD", ROOT / "build/release")) / "bin/sonde-agent"
LABELS = "app.kubernetes.io/"

# Another name, another target, everything that can be switched on or off, and every value that makes YAML.
OTHER_VALUES = {
    "image": {"repository": "registry.example.org/sonde", "tag": "1.2.3@sha256:" + "0" * 64, "pullPolicy": "Always", "pullSecrets": ["pull"]},
    "agent": {
        "config": {"window": "30s", "export": [{"type": "otlp", "endpoint": "otel.example.org:4317"}], "spool": {"max_bytes": "64MiB"},
                   "labels": {"pod_labels": ["team"]}},
        "credentialsSecret": "tokens", "stateDirectory": "/srv/sonde", "runDirectory": "/run/other", "seccompProfile": "Unconfined", "extraCapabilities": ["SYS_ADMIN"],
        "nodeSelector": {"kubernetes.io/os": "linux"}, "podAnnotations": {"a/b": "c"}, "tolerations": [],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "x", "operator": "Exists"}]}]}}},
        "serviceAccount": {"create": True, "name": "other", "annotations": {"d/e": "f"}}},
    "collector": {"storage": {"size": "1Gi", "className": "fast"}, "podAnnotations": {"a/b": "c"}, "nodeSelector": {"kubernetes.io/os": "linux"},
                  "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}]},
    "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, **options)


def rendered(values=None, release="sonde", kubernetes="1.34.0"):
    """What Helm says to these values: the text, or None with the reason."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values or {}, file)
        file.flush()
        done = run(HELM, "template", release, CHART, "--namespace", "sonde", "--kube-version", kubernetes, "-f", file.name)
    return (done.stdout, None) if done.returncode == 0 else (None, done.stderr)


def objects(text):
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(text) if one}


def plain_text():
    files = yaml.safe_load((PLAIN / "kustomization.yaml").read_text())["resources"]
    return "\n---\n".join((PLAIN / file).read_text() for file in files)


def without_what_differs(one):
    """Less the labels, which the chart has more of, and what only Helm's pods have."""
    one = copy.deepcopy(one)

    def visit(part):
        if isinstance(part, list):
            for inner in part:
                visit(inner)
        if not isinstance(part, dict):
            return
        for key in ("labels", "matchLabels"):
            if any(name.startswith(LABELS) for name in part.get(key, {})):
                part[key] = {LABELS + "name": part[key][LABELS + "name"]}
        if any(name.startswith(LABELS) for name in part.get("selector", {})):
            part["selector"] = {LABELS + "name": part["selector"][LABELS + "name"]}
        part.get("annotations", {}).pop("checksum/config", None)
        part.pop("imagePullPolicy", None)
        for inner in part.values():
            visit(inner)

    visit(one)
    one["metadata"].pop("labels", None)
    if one["kind"] == "ConfigMap":
        one["data"] = {name: yaml.safe_load(text) for name, text in one["data"].items()}
    return one


class Chart(unittest.TestCase):
    maxDiff = None

    def accepted(self, text, taken=True):
        done = run(READER, API, input=text)
        self.assertEqual(done.returncode == 0, taken, done.stdout + done.stderr)
        return done.stderr if not taken else done.stdout.split()

    def refused(self, values, why):
        text, reason = rendered(values)
        self.assertIsNone(text, values)
        self.assertIn(why, reason)

    def test_helm_finds_nothing_wrong_with_it(self):
        judged = run(HELM, "lint", "--strict", CHART)
        self.assertEqual(judged.returncode, 0, judged.stdout + judged.stderr)

    def test_it_gives_what_the_manifests_give(self):
        plain, chart = objects(plain_text()), objects(rendered()[0])
        del plain["Namespace", "sonde"]  # Helm makes that
        self.assertEqual(set(chart), set(plain))
        for key, one in plain.items():
            self.assertEqual(without_what_differs(chart[key]), without_what_differs(one), key)

    def test_the_types_of_the_api_hold_all_of_both(self):
        self.assertIn("DaemonSet/sonde-agent", self.accepted(plain_text()))
        self.assertIn("StatefulSet/sonde-collector", self.accepted(rendered()[0]))
        other = objects(rendered(OTHER_VALUES, release="another")[0])
        del other["PodMonitor", "another-sonde-agent"]  # not of Kubernetes itself
        self.assertIn("DaemonSet/another-sonde-agent", self.accepted(yaml.safe_dump_all(other.values())))

    def test_a_wrong_field_and_a_wrong_type_would_be_found(self):
        text = plain_text()
        self.assertIn("readOnlyRootFilesytem", self.accepted(text.replace("readOnlyRootFilesystem", "readOnlyRootFilesytem"), taken=False))
        self.assertIn("hostPID", self.accepted(text.replace("hostPID: true", "hostPID: often"), taken=False))

    def test_a_field_that_is_missing_would_be_found(self):
        for kind, name, *path in (("DaemonSet", "sonde-agent", "spec", "selector"),
                                  ("DaemonSet", "sonde-agent", "spec", "template", "spec", "containers", 0, "name"),
                                  ("DaemonSet", "sonde-agent", "spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"),
                                  ("DaemonSet", "sonde-agent", "spec", "template", "spec", "containers", 0, "startupProbe", "httpGet", "port"),
                                  ("StatefulSet", "sonde-collector", "spec", "serviceName"),
                                  ("Service", "sonde-collector", "spec", "ports", 0, "port"),
                                  ("ClusterRole", "sonde-agent", "rules", 0, "verbs"),
                                  ("ClusterRoleBinding", "sonde-agent", "roleRef", "apiGroup")):
            whole = objects(plain_text())
            *outer, last = path
            part = whole[kind, name]
            for key in outer:
                part = part[key]
            del part[last]
            at = kind + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
            with self.subTest(at):
                self.assertIn(f"missing: {at}, in:", self.accepted(yaml.safe_dump_all(whole.values()), taken=False))

    def test_other_values_reach_their_places(self):
        other = objects(rendered(OTHER_VALUES, release="another")[0])
        pod = other["DaemonSet", "another-sonde-agent"]["spec"]["template"]["spec"]
        (agent,) = pod["containers"]
        self.assertEqual(agent["image"], "registry.example.org/sonde:1.2.3@sha256:" + "0" * 64)
        self.assertEqual(agent["securityContext"]["seccompProfile"], {"type": "Unconfined"})
        self.assertEqual(agent["securityContext"]["capabilities"]["add"][-2:], ["CHECKPOINT_RESTORE", "SYS_ADMIN"])
        self.assertEqual(pod["serviceAccountName"], "other")
        self.assertEqual(other["ClusterRoleBinding", "another-sonde-agent"]["subjects"][0]["name"], "other")
        self.assertIn({"name": "credentials", "secret": {"secretName": "tokens", "defaultMode": 0o400}}, pod["volumes"])
        self.assertEqual([volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume], ["/run/other", "/srv/sonde"])
        claim = other["StatefulSet", "another-sonde-collector"]["spec"]["volumeClaimTemplates"][0]["spec"]
        self.assertEqual((claim["storageClassName"], claim["resources"]["requests"]["storage"]), ("fast", "1Gi"))
        self.assertEqual(other["PodMonitor", "another-sonde-agent"]["metadata"]["labels"]["release"], "prometheus")

    def test_its_settings_are_the_agents(self):
        for values, release in ((None, "sonde"), (OTHER_VALUES, "another")):
            text = rendered(values, release)[0]
            (config,) = (one["data"]["agent.yaml"] for key, one in objects(text).items() if key[0] == "ConfigMap")
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(config)
                file.flush()
                shown = run(AGENT, "--config", file.name, "--print-config")
            self.assertEqual(shown.returncode, 0, shown.stderr)
            settings = yaml.safe_load(shown.stdout)
            self.assertEqual(settings["metrics"]["listen"], "0.0.0.0:7172")
            self.assertEqual(settings["spool"]["directory"], "/var/lib/sonde/agent/spool")
            wanted = "otel.example.org:4317" if values else "sonde-collector:7171"
            self.assertEqual([target["endpoint"] for target in settings["export"]], [wanted])

    def test_without_a_collector_it_asks_where_profiles_go(self):
        self.refused({"collector": {"enabled": False}}, "agent.config.export")
        text = rendered({"collector": {"enabled": False}, "agent": {"config": OTHER_VALUES["agent"]["config"]}})[0]
        self.assertEqual([key for key in objects(text) if key[1] == "sonde-collector"], [])

    def test_older_kubernetes_gets_no_field_that_it_does_not_know(self):
        for version, is_there in (("1.29.7", False), ("1.30.0", True), ("1.34.1-some.vendor", True)):
            pod = objects(rendered(kubernetes=version)[0])["DaemonSet", "sonde-agent"]["spec"]["template"]["spec"]
            self.assertEqual("appArmorProfile" in pod["containers"][0]["securityContext"], is_there, version)

    def test_values_that_nothing_reads_are_refused(self):
        self.refused({"collector": {"retension": "1h"}}, "retension")
        self.refused({"agent": {"seccompProfile": "Localhost"}}, "seccompProfile")
        self.refused({"agent": {"resources": {"limit": {}}}}, "limit")

    def test_every_value_of_the_chart_is_in_its_schema(self):
        def names(part, prefix=""):
            for key, inner in part.items():
                yield prefix + key
                if isinstance(inner, dict) and key not in ("resources",):
                    yield from names(inner, prefix + key + ".")

        schema = yaml.safe_load((CHART / "values.schema.json").read_text())
        for name in names(yaml.safe_load((CHART / "values.yaml").read_text())):
            part = schema
            for key in name.split("."):
                self.assertIn(key, part["properties"], name)
                part = part["properties"][key]


if __name__ == "__main__":
    unittest.main(verbosity=2)
