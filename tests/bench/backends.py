"""What Sonde's collector and Parca's server take to take in the same profiles, pushed by the same program in the same protocol (Parca's
WriteRaw), and to add them up again. Needs root and, of the tests of label servers, Parca."""

import base64
import collections
import gzip
import json
import os
import pathlib
import statistics
import tempfile
import time

import pprof_file
import report
import sonde_processes as sonde
import wire_bytes
from wire_bytes import parca_server, pushed_profiles

TICKS = os.sysconf("SC_CLK_TCK")
KIND = "offcpu"
PARCA_TYPE = "parca_agent:wallclock:nanoseconds:samples:count:delta"
SONDE_KIND = "parca_agent:wallclock"  # what comes by Parca's protocol keeps its name
QUIET_SECONDS = 3  # after a push, so that what a server puts off is counted

Cost = collections.namedtuple("Cost", "cpu wall")


class Backend:
    """A server, and how the two questions are put to it."""

    def __init__(self, name, server, address, ask_pprof, ask_flame):
        self.name, self.server, self.address = name, server, address
        self.ask_pprof, self.ask_flame = ask_pprof, ask_flame

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mib(self):
        status = pathlib.Path(f"/proc/{self.server.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def cost_of(self, work, quiet=0):
        cpu, wall = self.cpu_seconds(), time.monotonic()
        work()
        wall = time.monotonic() - wall
        time.sleep(quiet)
        return Cost(self.cpu_seconds() - cpu, wall)


def sonde_backend(folder):
    server = sonde.Collector(folder).wait_until_ready()

    def ask(path, start_ns, end_ns, **parameters):
        return server.fetch(path, **{"from": start_ns // 10**6, "to": end_ns // 10**6 + 1}, **parameters)

    return Backend("sonde-collector", server, server.grpc,
                   lambda *span: ask(f"/pprof/{SONDE_KIND}", *span),
                   lambda *span: ask("/api/v1/flamegraph", *span, kind=SONDE_KIND, sample_type="wallclock"))


def parca_backend(folder):
    server = parca_server.Parca(folder).wait_until_ready()

    def ask(report_type, start_ns, end_ns, *more):
        return server.ask("/profiles/query", [
            ("mode", "MODE_MERGE"), ("report_type", report_type), ("merge.query", f"{PARCA_TYPE}{{}}"),
            ("merge.start", parca_server.instant(start_ns)), ("merge.end", parca_server.instant(end_ns)), *more])

    # As its own page asks for a graph.
    return Backend("parca", server, server.address,
                   lambda *span: base64.b64decode(ask("REPORT_TYPE_PPROF", *span)["pprof"]),
                   lambda *span: ask("REPORT_TYPE_FLAMEGRAPH_ARROW", *span, ("group_by.fields", "function_name")))


def replayed(profiles, minutes, hosts, begin_ns):
    """A recorded window again and again: (kind, labels, pprof) of each host in each minute."""
    for minute in range(minutes):
        for host in range(hosts):
            start = begin_ns + minute * 60 * 10**9
            for kind, labels, gz in profiles:
                # The last value of a field is the one that counts.
                pprof = gzip.decompress(gz) + pprof_file.field(pprof_file.TIME, start)
                yield kind, {**labels, "node": f"n{host}"}, gzip.compress(pprof, 1)


def total_of(pprof):
    """Nanoseconds, which are the first value of both."""
    return sum(sample.values[0] for sample in pprof_file.decode(pprof).samples)


def section(size, tell):
    title = "Taking in and adding up, beside Parca"
    if not pathlib.Path(parca_server.SERVER).exists():
        return report.not_measured(title, "Parca is not built: ctest -R 'servers: Parca is built'")
    load = next((load for load in wire_bytes.LOADS if not load.why_absent()), None)
    if load is None:
        return report.not_measured(title, "no load: " + "; ".join(load.why_absent() for load in wire_bytes.LOADS))
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        tell("recording a window to replay")
        recorded = [profile for profile in wire_bytes.record(folder, size["replayed_seconds"], load) if profile.kind == KIND]
        begin_ns = (time.time_ns() // 10**9 - 60 * size["replayed_minutes"]) * 10**9
        pushes = list(replayed(recorded, size["replayed_minutes"], size["replayed_hosts"], begin_ns))
        span = (begin_ns, begin_ns + 60 * 10**9 * size["replayed_minutes"])
        rows, totals = [], {}
        for begin in (sonde_backend, parca_backend):
            backend = begin(folder)
            try:
                tell(f"{len(pushes)} profiles to {backend.name}")
                rows.append(measured(backend, pushes, span, size["replayed_questions"], folder, totals))
            finally:
                backend.server.discard()
    if len(set(totals.values())) != 1:
        raise AssertionError(f"they do not have the same: {totals}")
    return told(title, load, recorded, pushes, size, rows, totals)


def measured(backend, pushes, span, questions, folder, totals):
    def push():
        answers = pushed_profiles.push(parca_server.PUSH_TOOL, backend.address, pushes, folder)
        if set(answers) != {"OK"}:
            raise AssertionError(f"{backend.name}: {set(answers)}")

    ingest = backend.cost_of(push, QUIET_SECONDS)
    totals[backend.name] = total_of(backend.ask_pprof(*span))
    backend.ask_flame(*span)  # what is kept in memory is there now, on both sides
    costs = [[backend.cost_of(lambda: ask(*span)) for _ in range(questions)] for ask in (backend.ask_pprof, backend.ask_flame)]
    return backend.name, ingest, *(Cost(sum(c.cpu for c in some) / questions, statistics.median(c.wall for c in some)) for some in costs), \
        backend.memory_mib()


def told(title, load, recorded, pushes, size, rows, totals):
    (_, *ours, our_memory), (_, *theirs, their_memory) = rows
    count = len(pushes)
    table = [[f"taking in a profile, {what}", f"{1e3 * getattr(ours[0], key) / count:.2f} ms", f"{1e3 * getattr(theirs[0], key) / count:.2f} ms",
              f"{getattr(theirs[0], key) / getattr(ours[0], key):.1f}"] for what, key in (("CPU", "cpu"), ("until answered", "wall"))]
    for name, mine, other in zip(("all as one pprof", "all as one flame graph"), ours[1:], theirs[1:]):
        table += [[f"{name}, {what}", f"{1e3 * getattr(mine, key):.0f} ms", f"{1e3 * getattr(other, key):.0f} ms",
                   f"{getattr(other, key) / getattr(mine, key):.1f}"] for what, key in (("CPU", "cpu"), ("until answered", "wall"))]
    table.append(["memory at its peak (RSS)", f"{our_memory:.0f} MiB", f"{their_memory:.0f} MiB", f"{their_memory / our_memory:.1f}"])
    return (f"## {title}\n\nA window of {size['replayed_seconds']} s of off-CPU profiles ({len(recorded)} services) of {load.about}, replayed for "
            f"{size['replayed_hosts']} hosts and {size['replayed_minutes']} minutes: {count} profiles, "
            f"{sum(len(gz) for _, _, gz in pushes) / 2**20:.1f} MiB of gzip, pushed one after the other over one connection by `sonde_parca_push` to both. "
            f"Sonde's collector has them on disk when it answers; Parca, as it comes, keeps them in memory. CPU is the server's, "
            f"with {QUIET_SECONDS} s after the last push; questions are asked {size['replayed_questions']} times, after once (CPU: mean; time: median). "
            f"Both sums are {next(iter(totals.values()))} ns.\n\n"
            + report.table(("", "sonde-collector", "Parca", "ratio"), table) + "\n")
