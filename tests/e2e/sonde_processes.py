"""Starts, asks and stops the real programs of the build tree in SONDE_BUILD, or of the release preset.

Each program that a test starts writes what it says into a file of the test's own folder, and is killed by its pid when the
test ends; when the test is killed, it dies too. PATIENCE is long, since sanitizers and a busy machine are slow: it bounds a
test, it measures nothing.
"""

import base64
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
import urllib.parse

import pprof_file

PATIENCE = 120

BUILD = pathlib.Path(os.environ.get("SONDE_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build/release"))
AGENT = BUILD / "bin/sonde-agent"
COLLECTOR = BUILD / "bin/sonde-collector"
AGENTCTL = BUILD / "bin/agentctl"
PUSH_TOOL = BUILD / "bin/sonde_push_tool"
STORE_TOOL = BUILD / "bin/sonde_store_tool"
EXIT_WITNESS = BUILD / "bin/sonde_exit_witness"
WORKLOADS = BUILD / "workloads"

# Whatever a sanitizer has to say of one of our programs is an error, also where nobody looks at exit codes.
SANITIZER_REPORT = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|: runtime error: ")


def wait_until(what, condition, pause=0.05, patience=PATIENCE):
    """The first true value of condition(); fails with `what` (a text, or a function that gives one) after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience} s in vain: {what() if callable(what) else what}")
        time.sleep(pause)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """A running program. `preexec` runs in the child before it becomes the program."""

    def __init__(self, folder, arguments, preexec=None, environment=None, cwd=None):
        self.log = pathlib.Path(tempfile.mkstemp(dir=folder, prefix="log-", text=True)[1])
        self.arguments = [str(a) for a in arguments]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *self.arguments], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, preexec_fn=preexec, env=environment, cwd=cwd)
        self.pid = self.process.pid

    def said(self):
        return self.log.read_text(errors="replace")

    def assert_alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.arguments} ended with {self.process.returncode} and said:\n{self.said()}")

    def wait_until_said(self, words):
        wait_until(lambda: f"for {words!r} of {self.arguments}, which said:\n{self.said()}",
                   lambda: words in self.said() or self.process.poll() is not None)
        if words not in self.said():
            self.assert_alive()

    def wait(self):
        """Its exit code."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.arguments} does not end; it said:\n{self.said()}") from None

    def stop(self, number=signal.SIGTERM):
        """Asks it to end, if it has not. Its exit code."""
        self.process.send_signal(number)
        try:
            return self.wait()
        finally:
            self.discard()

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

    @property
    def http(self):
        return f"127.0.0.1:{self.http_port}"

    def get(self, path):
        """(HTTP status, body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def fetch(self, path, **parameters):
        """The body of an answer that says all is well."""
        status, body = self.get(f"{path}?{urllib.parse.urlencode(parameters)}" if parameters else path)
        if status != 200:
            raise AssertionError(f"GET {path} {parameters} was answered by {status}: {body}")
        return body

    def series(self, kind):
        """The label sets under which it has profiles of `kind`."""
        return [entry["labels"] for entry in json.loads(self.fetch("/api/v1/series", kind=kind))["series"]]

    def profiles(self):
        return stored_profiles(self.store)


def selector(labels):
    """The selector of exactly these labels."""
    quoted = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items() if not name.startswith("__"))
    return "{" + ", ".join(quoted) + "}"


def query_store(store, sql, parameters=()):
    """Rows of the store's database, read beside its owner."""
    database = sqlite3.connect(f"file:{store}/profiles.db?mode=ro", uri=True, timeout=PATIENCE)
    try:
        return database.execute(sql, parameters).fetchall()
    finally:
        database.close()


class StoredProfile:
    def __init__(self, kind, labels, start_ns, end_ns, gz):
        self.kind, self.labels, self.start_ns, self.end_ns, self.gz = kind, json.loads(labels), start_ns, end_ns, gz

    def decoded(self):
        return pprof_file.decode(self.gz)


def stored_profiles(store):
    """In the order in which they were stored."""
    said = subprocess.run([STORE_TOOL, store], check=True, capture_output=True, text=True, timeout=PATIENCE).stdout
    profiles = []
    for line in said.splitlines():
        kind, labels, start_ns, end_ns, gz = line.split("\t")
        profiles.append(StoredProfile(kind, labels, int(start_ns), int(end_ns), base64.b64decode(gz)))
    return profiles


def requests_of(store):
    """{instance: sorted sequence numbers} of what was acknowledged."""
    found = {}
    for instance, sequence in query_store(store, "SELECT instance, sequence FROM request ORDER BY instance, sequence"):
        found.setdefault(instance, []).append(sequence)
    return found


class Agent(Program):
    def __init__(self, folder, target, window="2s", flags=(), preexec=None, program=None, wrapper=(), socket_path=None):
        self.socket = socket_path or os.path.join(tempfile.mkdtemp(dir=folder, prefix="run-"), "agent.sock")
        export = ("--export", target) if target else ()  # else what the configuration among `flags` says
        super().__init__(folder, [*wrapper, program or AGENT, "--control-socket", self.socket, *export,
                                  "--window", window, *flags], preexec)

    def wait_until_ready(self):
        self.wait_until_said("every thread of this host is accounted for")
        return self

    def status(self):
        return json.loads(agentctl(self.socket, "status", "-o", "json").stdout)

    def wait_until_tables_are_built(self):
        """Of all programs that run: before, stacks end where a table is missing. Under a sanitizer that takes seconds."""

        def nothing_is_pending():
            agentctl(self.socket, "account", "--duration", "100ms")  # status is as of the last slice, which this ends
            return int(self.status()["unwinding"]["pending"]) == 0

        wait_until("for unwinding tables", nothing_is_pending)

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
    done = subprocess.run([str(AGENTCTL), "--socket", socket_path, "--color", "never", *map(str, arguments)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10 * PATIENCE)
    if SANITIZER_REPORT.search(done.stderr):
        raise AssertionError(done.stderr)
    return done


class Sonde:
    """An agent and its collector, both ready; `folder` must exist, and be short enough for the path of a socket."""

    def __init__(self, folder, window="5s", agent_flags=()):
        for program in (AGENT, COLLECTOR, AGENTCTL):
            if not program.exists():
                raise FileNotFoundError(f"{program} is not built; build it, or set SONDE_BUILD to the build tree that has it")
        self.agent = None
        self.collector = Collector(folder)
        try:
            self.agent = Agent(folder, self.collector.wait_until_ready().grpc, window, agent_flags)
            self.agent.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Stops the agent first, so that its last window is stored. Returns the exit codes of both."""
        return self.agent and self.agent.stop(), self.collector.stop()

    def agentctl(self, *arguments):
        return agentctl(self.agent.socket, *arguments)


class SondeTest(unittest.TestCase):
    """A test with a folder of its own, whose programs end with it."""

    def setUp(self):
        self.assertEqual(os.geteuid(), 0, "the agent loads BPF programs: run these tests as root")
        folder = tempfile.TemporaryDirectory(prefix="sonde-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

    def keep(self, program):
        self.addCleanup(lambda: self.assertNotRegex(program.said(), SANITIZER_REPORT))
        self.addCleanup(program.discard)  # before the other
        return program

    def collector(self, **options):
        return self.keep(Collector(self.folder, **options)).wait_until_ready()

    def agent(self, target, flags=(), **options):
        # What tests hold against the truth is exact as long as nothing is turned down, however busy the machine is.
        if "--overhead-budget" not in flags:
            flags = ("--overhead-budget", "0", *flags)
        options["flags"] = flags
        return self.keep(Agent(self.folder, target, **options)).wait_until_ready()

    def assert_unloaded(self, objects):
        self.assertTrue({kind for kind, _ in objects} >= {"prog", "map"}, f"the agent held no programs? {objects}")
        wait_until(lambda: f"for the kernel to let go of {still_loaded(objects)}", lambda: not still_loaded(objects))
