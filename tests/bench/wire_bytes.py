"""What a window of profiles takes on the wire by each protocol: bytes that leave for the server's port, all framing included.

Beside it stands what OpenTelemetry's profiler v0.0.202633 took for on-CPU samples alone, measured once at the same rate on two busy CPUs
(stress-ng and CPython): 149,639 bytes a minute for 9,515 events and 2,705 distinct stacks, names of native functions not included.
"""

import collections
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading

import own_cost
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


class BusyCpus:
    """As many processes as there are CPUs, that do nothing but compute: CPython, which compiles its own library again and again - some
    thousand distinct stacks -, and OpenSSL's hashes."""

    COMPILE = "import pathlib\nfiles = sorted(pathlib.Path(pathlib.__file__).parent.glob('*.py'))\nwhile True:\n  for f in files: compile(f.read_bytes(), str(f), 'exec')"

    def __enter__(self):
        commands = [[sys.executable, "-c", self.COMPILE], ["openssl", "speed", "-seconds", "600", "sha256"]]
        self.processes = [subprocess.Popen(commands[cpu % 2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                          for cpu in range(os.cpu_count())]

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


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


def record(folder, window_seconds):
    """The profiles of a whole window under the load. The first one began with the agent."""
    with BusyCpus():
        running = sonde.Sonde(folder, f"{window_seconds}s", ("--rate", "99Hz"))
        try:
            sonde.wait_until("for two windows in the store",
                             lambda: own_cost.stored(running)[0] >= 2 and own_cost.all_is_stored(running), patience=180)
            profiles = running.collector.profiles()
        finally:
            running.stop()
    last = max(profile.end_ns for profile in profiles)
    return [profile for profile in profiles if profile.end_ns == last]


def section(window_seconds, tell):
    tell("bytes on the wire")
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        by_kind = collections.defaultdict(list)
        for profile in record(folder, window_seconds):
            by_kind[profile.kind].append(profile)
        wires, rows = list(protocols()), []
        for kind, profiles in sorted(by_kind.items()):
            samples = [sample for profile in profiles for sample in profile.decoded().samples]
            events = sum(sample.values[0] for sample in samples) if kind != "wall" else 0
            bytes_of = [by(profiles, folder) for _, by in wires]
            rows.append((kind, len(profiles), events or "-", len({tuple(sample.stack) for sample in samples}),
                         sum(len(profile.gz) for profile in profiles), *bytes_of))
            if kind == "cpu":
                told = ", ".join(f"{count / events:.1f} by {name}" for count, (name, _) in zip(bytes_of, wires))
    heads = ("kind", "profiles", "events", "distinct stacks", "pprof files, gzip", *(f"pushed by {name}" for name, _ in wires))
    return (f"## Bytes on the wire\n\nOne window of {window_seconds} s at 99 Hz with every CPU busy (CPython that compiles, OpenSSL that hashes), "
            f"each profile pushed by itself over one connection: bytes that leave for the server, HTTP/2 and gRPC included, names of all functions included.\n\n"
            f"{report.table(heads, rows)}\n\nBytes an on-CPU event: {told}. OpenTelemetry's profiler: {OTEL_BYTES_AN_EVENT:.1f}, without the names of native functions.\n")
