"""What a window of profiles takes on the wire by each protocol: bytes that leave for the server's port, all framing included.

OTLP has the profiles of a window in one request, the others have each by itself.

Beside it stands what OpenTelemetry's profiler v0.0.202633 took for on-CPU samples alone, measured once at the same rate on two busy CPUs
(stress-ng and CPython): 149,639 bytes a minute for 9,515 events and 2,705 distinct stacks, names of native functions not included.
"""

import collections
import gzip
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import pprof_file
import report
import sonde_processes as sonde

SERVERS = pathlib.Path(__file__).resolve().parents[1] / "servers"
sys.path[:0] = [str(SERVERS / "otelcol"), str(SERVERS / "parca")]
import otelcol_server  # noqa: E402
import parca_server  # noqa: E402
import pushed_profiles  # noqa: E402

PUSH_TOOL = sonde.BUILD / "bin/sonde_push_window"
BUILT = sonde.BUILD / "tests/servers"
otelcol_server.SERVER = otelcol_server.SERVER or str(BUILT / "otelcol/otelcol")
parca_server.SERVER = parca_server.SERVER or str(BUILT / "parca/parca")
OTEL_BYTES_AN_EVENT = 149_639 / 9_515


Recorded = collections.namedtuple("Recorded", "kind labels gz")


class BusyCpus:
    """As many processes as there are CPUs, of these programs in turn, that do nothing but compute."""

    def __init__(self, about, *commands):
        self.about, self.commands = about, commands

    def why_absent(self):
        return next((f"there is no {command[0]}" for command in self.commands if not shutil.which(command[0])), None)

    def __enter__(self):
        self.processes = [subprocess.Popen(self.commands[cpu % len(self.commands)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                           start_new_session=True) for cpu in range(os.cpu_count())]

    def __exit__(self, *_):
        for process in self.processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


READ_AND_WRITE_JSON = """
import json, re
words = re.compile(r"[a-z]+|[0-9.]+")
tree = [{"name": f"n{i}", "at": i / 7, "tags": [str(j) * 3 for j in range(i % 9)], "in": {"a": None, "b": [True, i]}} for i in range(200)]
while True:
  text = json.dumps(json.loads(json.dumps(tree)), indent=1, sort_keys=True)
  sorted(words.findall(text))
"""
COMPILE = """
import pathlib
files = sorted(pathlib.Path(pathlib.__file__).parent.glob('*.py'))
while True:
  for f in files: compile(f.read_bytes(), str(f), 'exec')
"""
LOADS = (
    BusyCpus("stress-ng, whose one worker goes through all its ways to compute, and CPython that writes and reads JSON",
             ["stress-ng", "--quiet", "--cpu", "1", "--timeout", "900"], [sys.executable, "-c", READ_AND_WRITE_JSON]),
    BusyCpus("CPython that compiles its own library again and again, nearly every sample of it a stack of its own, and OpenSSL that hashes",
             [sys.executable, "-c", COMPILE], ["openssl", "speed", "-seconds", "900", "sha256"]))


class Relay:
    """Passes connections on to a port, and counts what clients send."""

    def __init__(self, port):
        self.sent, self.port = 0, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # closed
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.copy, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, False), daemon=True).start()

    def copy(self, source, destination, counted):
        try:
            while piece := source.recv(1 << 16):
                self.sent += len(piece) if counted else 0
                destination.sendall(piece)
            destination.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one side has hung up: there is nothing left to pass on

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def taken(server, port_of, kind, profiles, folder):
    """Bytes that leave for `server` when these are pushed by a target of type `kind`."""
    try:
        with Relay(port_of(server.wait_until_ready())) as relay:
            answers = pushed_profiles.push([PUSH_TOOL, kind], relay.address, [(p.kind, p.labels, p.gz) for p in profiles], folder)
            if set(answers) != {"OK"}:
                raise AssertionError(answers)
            return relay.sent
    finally:
        server.discard()


def by_pyroscope(profiles, folder):
    return taken(sonde.Collector(folder), lambda server: server.grpc_port, "pyroscope", profiles, folder)


def by_parca(profiles, folder):
    return taken(parca_server.Parca(folder), lambda server: server.port, "parca", profiles, folder)


def by_otlp(profiles, folder):
    return taken(otelcol_server.Collector(folder), lambda server: server.port, "otlp", profiles, folder)


def protocols():
    """(name, how many bytes profiles take) of those whose servers are there."""
    yield "Pyroscope's protocol", by_pyroscope
    for name, server, by in (("Parca's", parca_server.SERVER, by_parca), ("OTLP", otelcol_server.SERVER, by_otlp)):
        if pathlib.Path(server).exists():
            yield name, by


def both_have_two_windows(agent):
    status = agent.status()
    return int(status["windows"]) >= 2 and all(int(target["waiting"]) == 0 for target in status["targets"])


def record(folder, window_seconds, load):
    """The profiles of one whole window under the load, as the agent made them. It is the second: the first began with the agent."""
    folder = pathlib.Path(folder)
    collector = sonde.Collector(folder).wait_until_ready()
    config = folder / "wire.yaml"
    config.write_text(f"export:\n  - endpoint: {collector.grpc}\n  - {{type: files, directory: {folder / 'files'}, formats: [pprof]}}\n")
    try:
        with load:
            agent = sonde.Agent(folder, None, f"{window_seconds}s", ("--config", config, "--rate", "99Hz"))
            try:
                agent.wait_until_ready()
                sonde.wait_until("for two windows at both targets", lambda: both_have_two_windows(agent), patience=3 * window_seconds + 60, pause=1)
            finally:
                agent.stop()
        stored = collector.profiles()
    finally:
        collector.stop()
    # A profile's number is the last part of its file's name, and the order in which it was stored.
    made = sorted((folder / "files").glob("sonde-*.pb.gz"), key=lambda path: int(path.name.removesuffix(".pb.gz").split("-")[-1]))
    # Of what was made last one may have more than the other.
    if any(path.name.split("-")[2] != profile.kind for path, profile in zip(made, stored)):
        raise AssertionError(f"{len(made)} files and {len(stored)} stored profiles are not the same ones")
    second = sorted({profile.end_ns for profile in stored})[1]
    return [Recorded(profile.kind, profile.labels, path.read_bytes()) for path, profile in zip(made, stored) if profile.end_ns == second]


def rows_of(profiles, wires, folder):
    """(a row for each kind, what an on-CPU event takes)."""
    rows, told = [], ""
    by_kind = collections.defaultdict(list)
    for profile in profiles:
        by_kind[profile.kind].append(profile)
    for kind, own in sorted(by_kind.items()):
        samples = [sample for profile in own for sample in pprof_file.decode(profile.gz).samples]
        events = sum(sample.values[0] for sample in samples) if kind != "wall" else 0
        bytes_of = [by(own, folder) for _, by in wires]
        rows.append((kind, len(own), events or "-", len({tuple(sample.stack) for sample in samples}), len(samples),
                     sum(len(gzip.decompress(profile.gz)) for profile in own), sum(len(profile.gz) for profile in own), *bytes_of))
        if kind == "cpu":
            told = ", ".join(f"{count / events:.1f} by {name}" for count, (name, _) in zip(bytes_of, wires))
    # Of what a protocol puts together, all kinds share tables.
    rows.append(("all", *(sum(row[column] for row in rows) if column not in (2, 3) else "-" for column in range(1, len(rows[0]) - len(wires))),
                 *(by(profiles, folder) for _, by in wires)))
    return rows, told


def of_load(load, window_seconds, wires):
    if reason := load.why_absent():
        return f"{load.about}: not measured here, {reason}.\n"
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        rows, told = rows_of(record(folder, window_seconds, load), wires, folder)
    heads = ("kind", "profiles", "events", "stacks by function", "samples", "pprof, plain", "pprof files, gzip", *(f"pushed by {name}" for name, _ in wires))
    return f"{load.about}:\n\n{report.table(heads, rows)}\n\nBytes an on-CPU event: {told}.\n"


def section(window_seconds, tell):
    tell("bytes on the wire")
    wires = list(protocols())
    return (f"## Bytes on the wire\n\nOne window of {window_seconds} s at 99 Hz with every CPU busy, pushed over one connection, each profile by itself and by OTLP together (a row's profiles; all of them in the last): bytes "
            "that leave for the server, HTTP/2 and gRPC included; names, files and lines of all functions included. Samples are distinct stacks by address, "
            f"in one profile each. OpenTelemetry's profiler: {OTEL_BYTES_AN_EVENT:.1f} bytes an on-CPU event, 149,639 a minute, without the names of native functions.\n\n"
            + "\n".join(of_load(load, window_seconds, wires) for load in LOADS))
