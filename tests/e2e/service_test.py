"""The agent as a service: what it tells its manager and Prometheus, what it takes anew while it runs, and which rights it needs."""

import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import sonde_processes as sonde

WATCHDOG_USEC = 2_000_000
# sonde-agent.service has the same.
CAPABILITIES = ("bpf", "perfmon", "sys_ptrace", "syslog", "dac_read_search", "checkpoint_restore")
NOBODY = 65534


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(sonde.PATIENCE)
        os.chmod(self.path, 0o777)

    def environment(self):
        return ("env", f"NOTIFY_SOCKET={self.path}", f"WATCHDOG_USEC={WATCHDOG_USEC}")

    def hear(self, word):
        """The next message that has this line or begin of a line."""
        while True:
            lines = self.socket.recv(4096).decode().split("\n")
            if any(line.startswith(word) for line in lines):
                return lines

    def silent_for(self, seconds, word):
        """Whether no message with this word came for so long; others may."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
                if word in self.socket.recv(4096).decode():
                    return False
        except TimeoutError:
            pass
        finally:
            self.socket.settimeout(sonde.PATIENCE)
        return True

    def close(self):
        self.socket.close()


class Service(sonde.SondeTest):
    def setUp(self):
        super().setUp()
        self.manager = Manager(self.folder)
        self.addCleanup(self.manager.close)
        self.config = self.folder / "agent.yaml"

    def start(self, settings=""):
        self.config.write_text(settings)
        return self.agent(self.collector().grpc, flags=("--config", self.config), wrapper=self.manager.environment())

    def test_it_says_when_it_is_ready_that_it_lives_and_that_it_stops(self):
        agent = self.start()
        ready = self.manager.hear("READY=1")
        self.assertRegex(ready[1], r"^STATUS=\d+ processes, \d+ threads; \d+ windows; 1 of 1 targets take profiles")
        began = time.monotonic()
        for _ in range(3):
            self.manager.hear("WATCHDOG=1")
        print(f"three signs of life in {time.monotonic() - began:.1f} s")
        agent.process.send_signal(signal.SIGTERM)
        self.manager.hear("STOPPING=1")
        self.assertEqual(agent.wait(), 0)

    def test_it_reads_its_settings_anew_and_says_what_wants_a_restart(self):
        agent = self.start("log: {level: info}\n")
        self.manager.hear("READY=1")
        self.assertNotIn("level=debug", agent.said())
        self.config.write_text("log: {level: debug}\nsources: {cpu: {rate: 49Hz}}\n")
        agent.process.send_signal(signal.SIGHUP)
        self.manager.hear("RELOADING=1")
        self.manager.hear("READY=1")
        agent.wait_until_said("wants_restart=\"sources.cpu.rate\"")
        agent.wait_until_said("level=debug")
        reload = agent.status()["reload"]
        self.assertEqual((reload["taken"], reload["wants_restart"]), (["log.level"], ["sources.cpu.rate"]))
        self.assertIn("wants a restart", sonde.agentctl(agent.socket, "status").stdout)
        self.assertEqual(int(agent.status()["sampling_hz"]), 99)

        self.config.write_text("relabel: [{source_labels: [node], action: drop}]\n")
        self.assertNotIn("dropped by", sonde.agentctl(agent.socket, "targets").stdout)
        agent.process.send_signal(signal.SIGHUP)
        agent.wait_until_said("taken=\"relabel, log.level\"")
        sonde.wait_until("for the rule that drops all", lambda: "dropped by" in sonde.agentctl(agent.socket, "targets").stdout)

        self.config.write_text("windw: 60s\n")
        agent.process.send_signal(signal.SIGHUP)
        agent.wait_until_said("settings are as before")
        self.assertIn("Did you mean", agent.said())
        self.assertIn("Did you mean", agent.status()["reload"]["error"])

    def test_it_gives_no_sign_of_life_while_a_thread_of_its_own_is_stuck(self):
        agent = self.start()
        self.manager.hear("WATCHDOG=1")
        thread = next(int(tid) for tid in os.listdir(f"/proc/{agent.pid}/task")
                      if open(f"/proc/{agent.pid}/task/{tid}/comm").read().strip() == "sonde-capture")
        held = Held(thread)
        try:
            self.assertTrue(any("sonde-capture has not come on" in line for line in self.manager.hear("STATUS=sonde-capture")))
            self.assertTrue(self.manager.silent_for(2 * WATCHDOG_USEC / 1e6, "WATCHDOG=1"))
        finally:
            held.release()
        self.manager.hear("WATCHDOG=1")
        self.assertIn("msg=\"stuck\"", agent.said())


class Held:
    """A thread that is stopped, by a debugger's means, while the others of its process run."""

    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, thread):
        self.thread = thread
        self.ptrace = ctypes.CDLL(None, use_errno=True).ptrace
        self.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        for request in (self.SEIZE, self.INTERRUPT):
            self.ask(request)
        os.waitpid(thread, 0x40000000)  # __WALL

    def ask(self, request):
        if self.ptrace(request, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace request {request:#x}")

    def release(self):
        self.ask(self.DETACH)


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=sonde.PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class Metrics(sonde.SondeTest):
    def test_prometheus_is_told_what_status_tells(self):
        port = sonde.free_port()
        config = self.folder / "agent.yaml"
        config.write_text(f"metrics: {{listen: \"127.0.0.1:{port}\"}}\n")
        agent = self.agent(self.collector().grpc, flags=("--config", config))
        sonde.wait_until("for a window to be sent", lambda: agent.target()["sent"] > 0)
        before, (status, text), after = agent.status(), get(port, "/metrics"), agent.status()
        self.assertEqual(status, 200)
        value = dict(re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", text, re.M))
        for metric, field in (("sonde_agent_samples_total", "samples"), ("sonde_agent_waits_total", "waits"),
                              ("sonde_agent_windows_total", "windows")):
            self.assertLessEqual(int(before[field]), float(value[metric]), metric)
            self.assertLessEqual(float(value[metric]), int(after[field]), metric)
        endpoint = before["targets"][0]["endpoint"]
        self.assertEqual(value[f'sonde_agent_target_up{{target="{endpoint}"}}'], "1")
        self.assertGreater(float(value["process_cpu_seconds_total"]), 0)
        self.assertEqual(get(port, "/livez"), (200, "ok\n"))
        self.assertEqual(get(port, "/readyz"), (200, "ok\n"))
        self.assertEqual(get(port, "/")[0], 404)

    def test_an_address_that_is_taken_is_told_with_what_to_do(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            config = self.folder / "agent.yaml"
            config.write_text(f"metrics: {{listen: \"127.0.0.1:{taken.getsockname()[1]}\"}}\n")
            agent = self.keep(sonde.Agent(self.folder, "127.0.0.1:1", flags=("--config", config)))
            self.assertEqual(agent.wait(), 1)
            self.assertIn("choose another address with metrics.listen", agent.said())


class Unprivileged(sonde.SondeTest):
    def test_a_user_with_six_capabilities_captures_everything(self):
        """And finds its worker where others may not look, such as in root's home."""
        folder = self.folder / "run"
        folder.mkdir()
        os.chown(folder, NOBODY, NOBODY)
        programs = self.folder / "programs"
        programs.mkdir(mode=0o700)
        for program in ("sonde-agent", "sonde-symbolizer"):
            shutil.copy(sonde.AGENT.parent / program, programs)
        wanted = ",".join("+" + name for name in CAPABILITIES)
        wrapper = ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--no-new-privs", "--bounding-set", f"-all,{wanted}",
                   "--inh-caps", f"-all,{wanted}", "--ambient-caps", f"-all,{wanted}")
        collector = self.collector()
        agent = self.agent(collector.grpc, wrapper=wrapper, program=programs / "sonde-agent", socket_path=str(folder / "agent.sock"))
        sonde.wait_until("for a window to be stored", lambda: agent.target()["sent"] > 0)
        rights = open(f"/proc/{agent.pid}/status").read()
        self.assertRegex(rights, rf"Uid:\t{NOBODY}\t{NOBODY}\t{NOBODY}")
        self.assertEqual(int(re.search(r"CapEff:\t(\w+)", rights)[1], 16).bit_count(), len(CAPABILITIES))
        account = json.loads(sonde.agentctl(agent.socket, "account", "--duration", "2s", "-o", "json").stdout)
        for process in account["processes"]:
            self.assertLessEqual(abs(int(process.get("unexplained_ns", 0))), 0.005 * int(process["wall_ns"]) + 1e6, process)
        status = agent.status()
        print("degraded:", status.get("degraded"))
        self.assertGreater(int(status["samples"]), 0)
        ends = {end["reason"]: int(end["count"]) for end in status["stack_ends"]}
        self.assertGreater(ends.get("complete", 0), 0)
        mapped = json.loads(sonde.agentctl(agent.socket, "top", "--once", "--interval", "1s", "--kind", "wall", "-o", "json").stdout)
        self.assertTrue(any(not row["function"].startswith("[") for row in mapped["rows"]), mapped)
        self.assertEqual(agent.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
