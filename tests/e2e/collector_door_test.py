"""The collector's own TLS and token: an agent that knows both delivers, one that does not is told why, by both sides. And
what it takes by protocols that are not its own."""

import json
import subprocess
import sys
import unittest

import sonde_processes as sonde


class CollectorDoor(sonde.SondeTest):
    def setUp(self):
        super().setUp()
        self.certificate, self.key, self.token = (self.folder / name for name in ("door.pem", "door.key", "token"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=door", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.key, "-out",
                        self.certificate], check=True, capture_output=True)
        self.key.chmod(0o600)
        self.token.write_text("right\n")

    def door(self):
        return self.collector(flags=("--grpc-certificate", self.certificate, "--grpc-key", self.key,
                                     "--token-file", self.token))

    def agent_with(self, collector, token):
        theirs = self.folder / f"token-{token}"
        theirs.write_text(token + "\n")
        config = self.folder / f"agent-{token}.yaml"
        config.write_text(f'export: [{{endpoint: "{collector.grpc}", tls: {{ca_file: "{self.certificate}"}},'
                          f' auth: {{bearer: {{token_file: "{theirs}"}}}}}}]\n')
        return self.agent(None, window="1s", flags=("--config", config))

    def test_token_and_tls(self):
        collector = self.door()
        agent = self.agent_with(collector, "right")
        sonde.wait_until(lambda: f"for profiles: {agent.said()}", lambda: collector.series("wall"))
        agent.stop()
        before = len(collector.series("wall"))
        stranger = self.agent_with(collector, "wrong")
        sonde.wait_until(lambda: f"for a refusal: {stranger.status()['targets']}",
                         lambda: "token" in str(stranger.status()["targets"]))
        self.assertIn('outcome="stranger"', collector.fetch("/metrics").decode())
        self.assertEqual(len(collector.series("wall")), before)

    def test_plain_text_is_not_understood(self):
        collector = self.door()
        answer = subprocess.run([sonde.PUSH_TOOL, collector.grpc, "-", "0", self.token, "a=b"], capture_output=True, text=True,
                                timeout=sonde.PATIENCE)
        self.assertEqual(answer.stdout.split()[0], "UNAVAILABLE", answer.stdout)

    def test_a_key_that_others_may_read(self):
        self.key.chmod(0o644)
        collector = self.keep(sonde.Collector(self.folder, flags=("--grpc-certificate", self.certificate, "--grpc-key", self.key)))
        self.assertEqual(collector.wait(), 1)
        self.assertIn(str(self.key), collector.said())

    def test_a_key_of_another_certificate(self):
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key], check=True)
        collector = self.keep(sonde.Collector(self.folder, flags=("--grpc-certificate", self.certificate, "--grpc-key", self.key)))
        self.assertEqual(collector.wait(), 1)
        self.assertIn("do not belong together", collector.said())


class CollectorDialects(sonde.SondeTest):
    def kinds(self, collector):
        return {kind["kind"]: kind for kind in json.loads(collector.fetch("/api/v1/kinds"))["kinds"]}

    # One agent after the other: a window that comes by several ways is a resend, and stored once.
    def expect(self, protocol, kind, wanted):
        collector = self.collector()
        config = self.folder / f"{protocol}.yaml"
        config.write_text(f'export: [{{type: {protocol}, endpoint: "{collector.grpc}"}}]\n')
        agent = self.agent(None, window="1s", flags=("--config", config))
        sonde.wait_until(lambda: f"for {wanted}: {sorted(self.kinds(collector))}", lambda: wanted <= set(self.kinds(collector)))
        self.assertEqual(agent.stop(), 0)
        self.assertNotIn("bad_profile\"} 1", collector.fetch("/metrics").decode())
        times = {"kind": kind, "from": 0, "to": 2**42}
        reasons = json.loads(collector.fetch("/api/v1/values", label="reason", **times))["values"]
        self.assertIn("sleep", reasons)
        by_reason = json.loads(collector.fetch("/api/v1/timeline", by="reason", **times))
        self.assertGreater(by_reason["total"], 0)
        functions = json.loads(collector.fetch("/api/v1/top", limit=1000, **times))["functions"]
        self.assertIn("schedule", {function["function"] for function in functions})

    def test_parca(self):
        self.expect("parca", "parca_agent:wallclock", {"parca_agent:wallclock", "parca_agent:samples", "wall"})

    def test_opentelemetry(self):
        self.expect("otlp", "otlp:off_cpu", {"otlp:off_cpu", "otlp:wall", "otlp:samples"})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
