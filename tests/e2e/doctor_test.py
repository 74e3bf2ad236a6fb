"""agentctl doctor as whoever sets Sonde up meets it: with and without the agent, and with what may be wrong."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import unittest

import sonde_processes as sonde
from confine import become_nobody, without_capabilities, CAP_BPF

OK, FAILED = 0, 1


def authority(folder, name):
    """A certificate of its own authority for this host, and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; user root;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} http2;
    location / {{
      if ($http_authorization != "Bearer right") {{ return 401; }}
      grpc_pass grpc://{collector};
    }}
  }}
}}
"""


def wait_until_open(port):
    def is_open():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    sonde.wait_until(f"for a server at {port}", is_open)


class Doctor(sonde.SondeTest):
    def ask(self, settings=None, *arguments, socket_path=None, preexec=None, program=sonde.AGENTCTL):
        """({check: [finding]}, exit code, text); of `settings` when they are given, else of the running agent."""
        if settings is not None:
            config = self.folder / "agent.yaml"
            config.write_text(settings)
            arguments = ("--config", config, *arguments)
        command = [str(program), "--socket", socket_path or str(self.folder / "no.sock"), "--color", "never", "doctor",
                   "-o", "json", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=sonde.PATIENCE, preexec_fn=preexec)
        findings = {}
        for finding in json.loads(done.stdout)["findings"]:
            findings.setdefault(finding["check"], []).append(finding)
        failed = any(finding["state"] == "failed" for of_check in findings.values() for finding in of_check)
        self.assertEqual(done.returncode, FAILED if failed else OK, done.stdout + done.stderr)
        return findings

    def one(self, findings, check):
        self.assertIn(check, findings)
        self.assertEqual(len(findings[check]), 1, findings[check])
        return findings[check][0]

    def assert_found(self, findings, check, state, *words):
        found = self.one(findings, check)
        self.assertEqual(found["state"], state, found)
        for word in words:
            self.assertIn(word, found["found"] + " " + found["advice"])

    def test_without_the_agent_this_machine_is_looked_at(self):
        collector = self.collector()
        findings = self.ask(f"export: [{{endpoint: \"{collector.grpc}\"}}]\nspool: {{directory: {self.folder}/to/be/made}}\n")
        self.assert_found(findings, "agent", "warning", "not running")
        for check in ("kernel", "capabilities", "lockdown", "perf events", "bpf", "open files", "locked memory", "settings",
                      "spool.directory", f"target {collector.grpc}", "tracefs"):
            self.assert_found(findings, check, "ok")
        paranoid = pathlib.Path("/proc/sys/kernel/perf_event_paranoid").read_text().strip()
        self.assert_found(findings, "perf events", "ok", f"is {paranoid}")
        self.assertIn("clock", findings)
        self.assertFalse((self.folder / "to").exists(), "it made a folder")
        self.assertEqual(collector.profiles(), [])
        self.assertNotIn("refused", collector.said())

    def test_with_agent_and_collector_the_agent_itself_looks(self):
        collector = self.collector()
        agent = self.agent(collector.grpc)
        findings = self.ask(socket_path=agent.socket)
        for check in ("agent", "kernel", "capabilities", "settings", f"target {collector.grpc}"):
            self.assert_found(findings, check, "ok")
        said = sonde.agentctl(agent.socket, "doctor")
        self.assertEqual(said.returncode, OK, said.stdout)
        self.assertIn(f"ok    target {collector.grpc}", said.stdout)
        self.assertRegex(said.stdout, r"Looked at by sonde-agent \S+ as uid 0\.")

    def test_settings_that_changed_are_told(self):
        config = self.folder / "own.yaml"
        config.write_text("log: {level: info}\n")
        agent = self.agent(self.collector().grpc, flags=("--config", config))
        config.write_text("sources: {cpu: {rate: 49Hz}}\n")
        self.assert_found(self.ask(socket_path=agent.socket), "settings", "warning", "sources.cpu.rate", "restart")
        config.write_text("sourcse: {}\n")
        self.assert_found(self.ask(socket_path=agent.socket), "settings", "failed", f"{config}:1", "Did you mean", "runs on")

    def test_settings_that_cannot_be_used_are_told_as_the_agent_does(self):
        findings = self.ask("windw: 60s\n")
        agent = subprocess.run([sonde.AGENT, "--config", self.folder / "agent.yaml", "--check-config"], capture_output=True, text=True)
        self.assertEqual(agent.stderr.strip(), "sonde-agent: " + self.one(findings, "settings")["found"])
        self.assert_found(findings, "settings", "failed", "will not start")
        self.assertFalse(any(check.startswith("target ") for check in findings))
        unreadable = self.folder / "secret.yaml"
        unreadable.write_text("log: {level: info}\n")
        unreadable.chmod(0)
        for name in ("agentctl", "sonde-agent"):  # where nobody may look, too
            shutil.copy(sonde.AGENTCTL.parent / name, self.folder)
        findings = self.ask(None, "--config", unreadable, preexec=become_nobody, program=self.folder / "agentctl")
        self.assert_found(findings, "settings", "failed", "Permission denied")
        self.assert_found(findings, "capabilities", "failed", "CAP_PERFMON and CAP_BPF")
        self.assert_found(findings, "bpf", "failed", "CAP_BPF")
        self.assert_found(findings, "perf events", "failed", "CAP_PERFMON")

    def test_a_capability_that_is_missing_is_named(self):
        findings = self.ask("export: []\n", preexec=without_capabilities(CAP_BPF, 21))
        self.assert_found(findings, "capabilities", "failed", "CAP_BPF")
        self.assert_found(findings, "targets", "warning", "none")

    def test_each_target_is_told_by_the_step_at_which_it_ends(self):
        collector = self.collector()
        closed = sonde.free_port()
        _, key = authority(self.folder, "ours")
        other, _ = authority(self.folder, "other")
        tls = self.tls_server(self.folder / "ours.pem", key)
        door, token = self.doorkeeper(collector), self.folder / "token"
        token.write_text("wrong\n")
        findings = self.ask(f"""
export:
  - {{endpoint: "{collector.grpc}"}}
  - {{endpoint: "127.0.0.1:{closed}"}}
  - {{endpoint: "127.0.0.1:{tls}", tls: {{ca_file: {other}}}}}
  - {{type: parca, endpoint: "localhost:{collector.grpc_port}"}}
  - {{endpoint: "no..such:4040"}}
  - {{endpoint: "127.0.0.1:{door}", auth: {{bearer: {{token_file: {token}}}}}}}
""")
        self.assert_found(findings, f"target {collector.grpc}", "ok", "pyroscope in clear text")
        self.assert_found(findings, f"target 127.0.0.1:{closed}", "failed", "connection: ", "Connection refused")
        self.assert_found(findings, f"target 127.0.0.1:{tls}", "failed", "TLS: ", "tls.ca_file")
        self.assert_found(findings, f"target localhost:{collector.grpc_port}", "ok", "parca in clear text")
        self.assert_found(findings, "target no..such:4040", "failed", "name: ")
        self.assert_found(findings, f"target 127.0.0.1:{door}", "failed", "login: UNAUTHENTICATED", "auth.bearer.token_file")
        token.write_text("right\n")
        findings = self.ask(f"export: [{{endpoint: \"127.0.0.1:{door}\", auth: {{bearer: {{token_file: {token}}}}}}}]\n")
        self.assert_found(findings, f"target 127.0.0.1:{door}", "ok", "with a token")
        self.assertEqual(collector.profiles(), [])

    def tls_server(self, certificate, key):
        """A port at which TLS is spoken with this certificate."""
        port = sonde.free_port()
        self.keep(sonde.Program(self.folder, ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificate,
                                              "-key", key, "-alpn", "h2", "-quiet"]))
        wait_until_open(port)
        return port

    def doorkeeper(self, collector):
        """A port at which nginx lets those to the collector who have the right token, and answers others by 401."""
        port = sonde.free_port()
        settings = self.folder / "nginx.conf"
        settings.write_text(NGINX.format(folder=self.folder, port=port, collector=collector.grpc))
        self.keep(sonde.Program(self.folder, ["nginx", "-c", settings]))
        wait_until_open(port)
        return port

    def test_a_full_disk_is_told(self):
        disk = self.folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "sonde-test", disk], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", "--lazy", disk], check=True))
        settings = f"export: [{{type: files, directory: {disk}}}]\nspool: {{directory: {disk}, max_bytes: 32MiB}}\n"
        findings = self.ask(settings)
        self.assert_found(findings, "spool.directory", "ok", "can be written", "stay free for others")
        self.assert_found(findings, f"target {disk}", "warning", "may come to hold")
        with open(disk / "filling", "wb") as filling, self.assertRaises(OSError):
            while True:
                filling.write(bytes(1 << 20))
                filling.flush()
        findings = self.ask(settings)
        self.assert_found(findings, "spool.directory", "failed", "No space left", "make room")
        self.assert_found(findings, f"target {disk}", "failed", "No space left", "make room")

    def test_an_agent_program_that_is_not_there_is_told(self):
        alone = self.folder / "agentctl"
        alone.write_bytes(sonde.AGENTCTL.read_bytes())
        alone.chmod(0o755)
        done = subprocess.run([alone, "--socket", self.folder / "no.sock", "doctor"], capture_output=True, text=True,
                              env={**os.environ, "PATH": "/nonexistent"}, timeout=sonde.PATIENCE)
        self.assertEqual(done.returncode, FAILED)
        self.assertRegex(done.stdout, r"FAIL +agent program +cannot run sonde-agent")
        self.assertIn("install sonde-agent", done.stdout)
        self.assertRegex(done.stdout, r"(ok|WARN) +clock ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
