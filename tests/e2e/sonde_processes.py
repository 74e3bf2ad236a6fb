"""Starts, asks and stops the real programs, whose paths come from the environment (see CMakeLists.txt).

Each program that a test starts writes its standard error into a file of the test's own folder, and is killed by its pid
when the test ends. PATIENCE is long, since sanitizers and a busy machine are slow: it bounds a test, it measures nothing.
"""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

import pprof_file

PATIENCE = 120

AGENT = os.environ.get("SONDE_AGENT", "")
COLLECTOR = os.environ.get("SONDE_COLLECTOR", "")
AGENTCTL = os.environ.get("SONDE_AGENTCTL", "")
WORKLOADS = pathlib.Path(os.environ.get("SONDE_WORKLOADS", ""))


def wait_until(what, condition, pause=0.05):
    """The first true value of condition(); fails with `what` (a text, or a function that gives one) after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE} s in vain: {what() if callable(what) else what}")
        time.sleep(pause)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """A running program. `preexec` runs in the child before it becomes the program."""

    def __init__(self, folder, arguments, preexec=None, environment=None):
        self.log = pathlib.Path(tempfile.mkstemp(dir=folder, prefix="log-", text=True)[1])
        self.arguments = [str(a) for a in arguments]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=preexec, env=environment)
        self.pid = self.process.pid

    def said(self):
        return self.log.read_text(errors="replace")

    def wait_until_said(self, words):
        wait_until(lambda: f"for {words!r} of {self.arguments}, which said:\n{self.said()}",
                   lambda: words in self.said() or self.process.poll() is not None)
        if words not in self.said():
            raise AssertionError(f"{self.arguments} ended with {self.process.returncode} and said:\n{self.said()}")

    def wait(self):
        """Its exit code."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.arguments} does not end; it said:\n{self.said()}") from None

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.wait()

    def discard(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Collector(Program):
    def __init__(self, folder, store=None, grpc_port=0, http_port=0, flags=(), wrapper=()):
        self.store = pathlib.Path(store or tempfile.mkdtemp(dir=folder, prefix="store-"))
        super().__init__(folder, [*wrapper, COLLECTOR, "--store", self.store, "--grpc-listen", f"127.0.0.1:{grpc_port}",
                                  "--http-listen", f"127.0.0.1:{http_port}", *flags])

    def wait_until_ready(self):
        self.wait_until_said("msg=ready")
        ready = re.search(r"http=127\.0\.0\.1:(\d+) grpc=127\.0\.0\.1:(\d+)", self.said())
        self.http_port, self.grpc_port = int(ready[1]), int(ready[2])
        self.grpc = f"127.0.0.1:{self.grpc_port}"
        return self

    def get(self, path):
        """(HTTP status, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def query(self, sql):
        return query_store(self.store, sql)

    def profiles(self):
        return stored_profiles(self.store)


def query_store(store, sql):
    """Rows of the store's database, read beside its owner."""
    database = sqlite3.connect(f"file:{store}/profiles.db?mode=ro", uri=True, timeout=PATIENCE)
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


class StoredProfile:
    def __init__(self, kind, labels, start_ns, end_ns, gz):
        self.kind, self.labels, self.start_ns, self.end_ns, self.gz = kind, json.loads(labels), start_ns, end_ns, gz

    def decoded(self):
        return pprof_file.decode(self.gz)


def stored_profiles(store):
    """In the order in which they were stored."""
    return [StoredProfile(*row) for row in query_store(
        store, "SELECT kind, labels, start_ns, end_ns, pprof FROM profile JOIN series ON series.id = series_id"
               " ORDER BY profile.id")]


def requests_of(store):
    """{instance: sorted sequence numbers} of what was acknowledged."""
    found = {}
    for instance, sequence in query_store(store, "SELECT instance, sequence FROM request ORDER BY instance, sequence"):
        found.setdefault(instance, []).append(sequence)
    return found


class Agent(Program):
    def __init__(self, folder, target, window="2s", flags=(), preexec=None, program=None, wrapper=(), socket_path=None):
        self.socket = socket_path or os.path.join(tempfile.mkdtemp(dir=folder, prefix="run-"), "agent.sock")
        super().__init__(folder, [*wrapper, program or AGENT, "--control-socket", self.socket, "--export", target,
                                  "--window", window, *flags], preexec)

    def wait_until_ready(self):
        self.wait_until_said("every thread of this host is accounted for")
        return self

    def status(self):
        return json.loads(agentctl(self.socket, "status", "-o", "json").stdout)

    def target(self):
        """Numbers of the one export target: sent, waiting, dropped."""
        found = self.status()["targets"][0]
        return {key: int(found[key]) for key in ("sent", "waiting", "dropped")}

    def bpf_objects(self):
        """Ids of the programs, maps and links that it holds: {("prog", 5), ("map", 7)}."""
        found = set()
        for entry in pathlib.Path(f"/proc/{self.pid}/fdinfo").iterdir():
            try:
                text = entry.read_text()
            except OSError:
                continue  # closed meanwhile
            found.update((kind, int(number)) for kind, number in re.findall(r"^(prog|map|link)_id:\s*(\d+)", text, re.M))
        return found


def still_loaded(objects):
    """Which of these BPF objects the kernel still has."""
    return {(kind, number) for kind, number in objects
            if subprocess.run(["bpftool", kind, "show", "id", str(number)], capture_output=True).returncode == 0}


def agentctl(socket_path, *arguments):
    return subprocess.run([AGENTCTL, "--socket", socket_path, "--color", "never", *map(str, arguments)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10 * PATIENCE)


class SondeTest(unittest.TestCase):
    """A test with a folder of its own, whose programs end with it."""

    def setUp(self):
        self.assertEqual(os.geteuid(), 0, "the agent loads BPF programs: run these tests as root")
        folder = tempfile.TemporaryDirectory(prefix="sonde-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

    def keep(self, program):
        self.addCleanup(program.discard)
        return program

    def collector(self, **options):
        return self.keep(Collector(self.folder, **options)).wait_until_ready()

    def agent(self, target, **options):
        return self.keep(Agent(self.folder, target, **options)).wait_until_ready()

    def assert_unloaded(self, objects):
        self.assertTrue({kind for kind, _ in objects} >= {"prog", "map"}, f"the agent held no programs? {objects}")
        wait_until(lambda: f"for the kernel to let go of {still_loaded(objects)}", lambda: not still_loaded(objects))
