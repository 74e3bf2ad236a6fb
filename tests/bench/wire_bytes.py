"""What a window of profiles takes on the wire by each protocol: bytes that leave for the server's port, all framing included."""

import collections
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "servers/otelcol"))
import otelcol_server  # noqa: E402

COLLECTOR = sonde.BUILD / "tests/servers/otelcol/otelcol"
PYROSCOPE_NAMES = {"cpu": "process_cpu", "offcpu": "off_cpu", "wall": "wall", "faults": "page_faults"}


def why_absent():
    return None if COLLECTOR.exists() else f"{COLLECTOR} is not built: run the tests of label servers"


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


def by_otlp(folder, profiles):
    collector = otelcol_server.Collector(folder)
    try:
        with Relay(collector.wait_until_ready().port) as relay:
            answers = otelcol_server.push(relay.address, [(p.kind, p.labels, p.gz) for p in profiles], folder)
            if set(answers) != {"OK"}:
                raise AssertionError(answers)
            return relay.sent
    finally:
        collector.discard()


def by_pyroscope(folder, profiles):
    collector = sonde.Collector(folder)
    file = pathlib.Path(folder) / "pushed.pb.gz"
    try:
        with Relay(collector.wait_until_ready().grpc_port) as relay:
            for number, profile in enumerate(profiles, 1):
                file.write_bytes(profile.gz)
                labels = {**profile.labels, "__name__": PYROSCOPE_NAMES[profile.kind]}
                answer = subprocess.run([str(sonde.PUSH_TOOL), relay.address, "wire", str(number), str(file),
                                         *(f"{name}={value}" for name, value in labels.items())],
                                        capture_output=True, text=True, check=True).stdout
                if not answer.startswith("OK"):
                    raise AssertionError(answer)
            return relay.sent
    finally:
        collector.discard()


def record(folder, window_seconds):
    """The profiles of a whole window under the saturating load: two busy CPUs. The first one began with the agent."""
    with own_cost.saturating_load():
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
    if reason := why_absent():
        return report.not_measured("Bytes on the wire", reason)
    tell("bytes on the wire")
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        by_kind = collections.defaultdict(list)
        for profile in record(folder, window_seconds):
            by_kind[profile.kind].append(profile)
        rows = []
        for kind, profiles in by_kind.items():
            samples = [sample for profile in profiles for sample in profile.decoded().samples]
            stacks = len({tuple(sample.stack) for sample in samples})
            rows.append((kind, len(profiles), sum(sample.values[0] for sample in samples) if kind != "wall" else "-", stacks,
                         sum(len(profile.gz) for profile in profiles), by_pyroscope(folder, profiles), by_otlp(folder, profiles)))
    heads = ("kind", "profiles", "events", "distinct stacks", "pprof files, gzip", "pushed by Pyroscope's protocol", "pushed by OTLP")
    return (f"## Bytes on the wire\n\nOne window of {window_seconds} s at 99 Hz under the saturated load, each profile pushed by itself; "
            f"bytes that leave for the server, HTTP/2 and gRPC included, names of all functions included.\n\n{report.table(heads, rows)}\n")
