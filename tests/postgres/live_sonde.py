"""Runs the real sonde-collector and sonde-agent in a folder of their own, on free ports of loopback. Needs root."""

import json
import os
import pathlib
import re
import subprocess
import time
import urllib.parse
import urllib.request

PATIENCE = 120  # seconds; for a busy machine and a build with sanitizers


def programs():
    """The folder with the programs: those of the build tree in SONDE_BUILD, or of the release preset."""
    root = pathlib.Path(__file__).resolve().parents[2]
    folder = pathlib.Path(os.environ.get("SONDE_BUILD", root / "build/release")) / "bin"
    for name in ("sonde-agent", "sonde-collector", "agentctl"):
        if not (folder / name).exists():
            raise FileNotFoundError(f"{folder / name} is not built; build it, or set SONDE_BUILD to the build tree that has it")
    return folder


def wait_until(condition, what, seconds=PATIENCE):
    """Polls until condition() is true and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s still not: {what}")
        time.sleep(0.1)


class Daemon:
    """A program that runs until it is stopped, and dies with this process. Its log is in a file."""

    def __init__(self, log, *command, **options):
        self.log = pathlib.Path(log)
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)], stdout=output,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)

    @property
    def pid(self):
        return self.process.pid

    def said(self, pattern):
        """The match of `pattern` in the log, or None; raises when the program ended."""
        text = self.log.read_text(errors="replace")
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.process.args[3:]} ended with {self.process.returncode}; it said:\n{text}")
        return re.search(pattern, text)

    def stop(self, signal_number=15):
        """Asks it to end and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


class Sonde:
    """`folder` must exist, and be short enough for the path of a socket."""

    def __init__(self, folder, window="5s", agent_flags=()):
        self.folder = pathlib.Path(folder)
        self.bin = programs()
        self.socket = self.folder / "agent.sock"
        self.agent = None
        self.collector = Daemon(self.folder / "collector.log", self.bin / "sonde-collector", "--grpc-listen", "127.0.0.1:0",
                                "--http-listen", "127.0.0.1:0", "--store", self.folder / "store")
        try:
            ready = wait_until(lambda: self.collector.said(r"msg=ready http=(\S+) grpc=(\S+)"), "sonde-collector is ready")
            self.http, grpc = ready.groups()
            self.agent = Daemon(self.folder / "agent.log", self.bin / "sonde-agent", "--window", window, "--control-socket",
                                self.socket, "--export", grpc, *agent_flags)
            wait_until(lambda: self.agent.said("every thread of this host is accounted for"), "sonde-agent is ready")
        except BaseException:
            self.stop()
            raise

    def stop_agent(self):
        """Its last window goes out before it ends. Returns its exit code."""
        return self.agent.stop() if self.agent else None

    def stop(self):
        """Returns the exit codes of both."""
        return self.stop_agent(), self.collector.stop()

    def agentctl(self, *arguments):
        return subprocess.run([str(self.bin / "agentctl"), "--socket", str(self.socket), *map(str, arguments)],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)

    def status(self):
        """agentctl's JSON, 64-bit integers as strings; whether healthy or not."""
        return json.loads(self.agentctl("status", "-o", "json").stdout)

    def get(self, path, **parameters):
        """The body of an answer of the collector."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        with urllib.request.urlopen(f"http://{self.http}{path}{query}", timeout=PATIENCE) as answer:
            return answer.read()

    def series(self, kind):
        """The label sets under which the collector has profiles of `kind`."""
        return [entry["labels"] for entry in json.loads(self.get("/api/v1/series", kind=kind))["series"]]


def selector(labels):
    """The selector of exactly these labels."""
    quoted = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items() if not name.startswith("__"))
    return "{" + ", ".join(quoted) + "}"
