"""The Kubernetes manifests: whole, with the rights that the agent's unit has and no more, and with a configuration that it takes."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "deploy/kubernetes"
AGENT = pathlib.Path(os.environ.get("SONDE_BUILD", ROOT / "build/release")) / "bin/sonde-agent"


def documents():
    """(kind, name) -> what kustomization.yaml applies."""
    found = {}
    for file in yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]:
        for document in yaml.safe_load_all((MANIFESTS / file).read_text()):
            found[document["kind"], document["metadata"]["name"]] = document
    return found


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.documents = documents()
        self.pod = self.documents["DaemonSet", "sonde-agent"]["spec"]["template"]["spec"]
        (self.agent,) = self.pod["containers"]

    def test_every_manifest_is_applied(self):
        applied = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())["resources"]
        self.assertEqual(set(applied), {path.name for path in MANIFESTS.glob("*.yaml")} - {"kustomization.yaml"})

    def test_the_agent_has_the_capabilities_of_its_unit_and_no_privilege(self):
        unit = (ROOT / "deploy/systemd/sonde-agent.service").read_text()
        wanted = {name.removeprefix("CAP_") for name in re.search(r"^CapabilityBoundingSet=(.*)$", unit, re.M)[1].split()}
        wanted.remove("SYS_ADMIN")  # which the service gives up as it starts
        context = self.agent["securityContext"]
        self.assertEqual(set(context["capabilities"]["add"]), wanted)
        self.assertEqual(context["capabilities"]["drop"], ["ALL"])
        self.assertEqual((context["privileged"], context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"]),
                         (False, False, True))
        self.assertTrue(self.pod["hostPID"])
        self.assertNotIn("hostNetwork", self.pod)
        self.assertNotIn("cpu", self.agent["resources"]["limits"])

    def test_the_collector_runs_without_rights(self):
        pod = self.documents["StatefulSet", "sonde-collector"]["spec"]["template"]["spec"]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertEqual(pod["containers"][0]["securityContext"]["capabilities"], {"drop": ["ALL"]})

    def test_the_agent_may_read_pods_and_nothing_else(self):
        self.assertEqual(self.documents["ClusterRole", "sonde-agent"]["rules"],
                         [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}])

    def test_its_configuration_is_one_and_serves_what_the_probes_ask(self):
        text = self.documents["ConfigMap", "sonde-agent"]["data"]["agent.yaml"]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            shown = subprocess.run([AGENT, "--config", file.name, "--print-config"], capture_output=True, text=True, timeout=60)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        settings = yaml.safe_load(shown.stdout)
        ports = {port["name"]: port["containerPort"] for port in self.agent["ports"]}
        self.assertEqual(int(settings["metrics"]["listen"].rsplit(":", 1)[1]), ports["metrics"])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            self.assertIn(self.agent[probe]["httpGet"]["port"], ports)
        mounted = [mount["mountPath"] for mount in self.agent["volumeMounts"]]
        self.assertTrue(any(settings["spool"]["directory"].startswith(path) for path in mounted))

    def test_targets_and_policies_name_services_that_are_there(self):
        text = self.documents["ConfigMap", "sonde-agent"]["data"]["agent.yaml"]
        host, port = yaml.safe_load(text)["export"][0]["endpoint"].rsplit(":", 1)
        service = self.documents["Service", host]
        self.assertIn(int(port), [one["port"] for one in service["spec"]["ports"]])
        pods = [self.documents[key]["spec"]["template"]["metadata"]["labels"] for key in self.documents if key[0] in ("DaemonSet", "StatefulSet")]
        for key, document in self.documents.items():
            if key[0] == "NetworkPolicy":
                self.assertIn(document["spec"]["podSelector"]["matchLabels"], pods)


if __name__ == "__main__":
    unittest.main(verbosity=2)
