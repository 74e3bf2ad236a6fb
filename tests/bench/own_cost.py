"""What the agent and the collector take of the machine, read from the kernel's own books before and after an interval."""

import contextlib
import dataclasses
import os
import pathlib
import re
import tempfile
import time

from server import Server
from sonde_processes import WORKLOADS, Program, Sonde, query_store, wait_until

STATS_SWITCH = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
COST_OF_COUNTING_NS = 20  # what two clock reads add to the measured time of a run, at most
TICKS = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def bpf_run_time_counted():
    """The kernel counts the run time of BPF programs inside."""
    before = STATS_SWITCH.read_text()
    STATS_SWITCH.write_text("1\n")
    try:
        yield
    finally:
        STATS_SWITCH.write_text(before)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kib(pid, field):
    return int(re.search(rf"^{field}:\s*(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1])


def share_of_memory_kib(pid):
    """Pages that several processes map, as those of libraries, count by halves, thirds..."""
    return int(re.search(r"^Pss:\s*(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1])


def children(pid):
    """The processes that it started and that live: the agent's workers, which parse files."""
    return [int(child) for tasks in pathlib.Path(f"/proc/{pid}/task").iterdir() for child in (tasks / "children").read_text().split()]


def family_cpu_seconds(pid):
    """Of the process, of the children that it has, and of those that ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICKS + sum(cpu_seconds(child) for child in children(pid))


def family_memory_kib(pid, field):
    return memory_kib(pid, field) + sum(memory_kib(child, field) for child in children(pid))


def family_share_of_memory_kib(pid):
    return share_of_memory_kib(pid) + sum(share_of_memory_kib(child) for child in children(pid))


def bpf_objects(pid):
    """(run time in ns, runs, bytes of maps) of the programs and maps that the process holds, each once."""
    programs_seen, maps = {}, {}
    for file in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            info = dict(line.split(":", 1) for line in file.read_text().splitlines() if ":" in line)
        except FileNotFoundError:
            continue  # closed meanwhile
        if "run_time_ns" in info:
            programs_seen[info["prog_id"]] = (int(info["run_time_ns"]), int(info["run_cnt"]))
        elif "map_id" in info and "memlock" in info:
            maps[info["map_id"]] = int(info["memlock"])
    return sum(t for t, _ in programs_seen.values()), sum(n for _, n in programs_seen.values()), sum(maps.values())


def machine_counters():
    text = pathlib.Path("/proc/stat").read_text()
    counter = {name: int(re.search(rf"^{name} (\d+)", text, re.MULTILINE)[1]) for name in ("ctxt", "processes")}
    return counter["ctxt"], counter["processes"]


@dataclasses.dataclass
class Reading:
    at: float
    agent_cpu: float
    collector_cpu: float
    bpf_ns: int
    bpf_runs: int
    map_bytes: int
    switches: int
    forks: int

    @staticmethod
    def of(sonde):
        bpf_ns, runs, map_bytes = bpf_objects(sonde.agent.pid)
        return Reading(time.monotonic(), family_cpu_seconds(sonde.agent.pid), cpu_seconds(sonde.collector.pid), bpf_ns, runs,
                       map_bytes, *machine_counters())


@dataclasses.dataclass
class OwnCost:
    """Of one interval. Shares are of the whole machine: all CPUs."""

    load: str
    seconds: float
    switches_a_second: float
    forks_a_second: float
    agent_share: float
    bpf_share: float
    counting_share: float  # of bpf_share, what the counting itself may be
    collector_share: float
    bpf_ns_a_run: float
    agent_rss_kib: int
    agent_share_of_memory_kib: int
    agent_peak_kib: int
    collector_rss_kib: int
    map_bytes: int
    profiles_a_minute: float
    bytes_a_minute: float
    told_share: float  # as agentctl status tells it, since the start

    @property
    def total_share(self):
        return self.agent_share + self.bpf_share


def stored(sonde, since_ns=0, until_ns=2**63 - 1):
    """(windows, profiles, bytes of samples) that the collector has of the windows that ended in this time."""
    return query_store(sonde.collector.store, "SELECT count(DISTINCT end_ns), count(*), coalesce(sum(length(samples)), 0)"
                       " FROM profile WHERE end_ns > ? AND end_ns <= ?", (since_ns, until_ns))[0]


def all_is_stored(sonde):
    status = sonde.agent.status()
    return int(status["windows"]) >= 1 and stored(sonde)[0] > 0 and all(int(t["waiting"]) == 0 for t in status["targets"])


def between(load, sonde, before, after, windows, profiles, bytes_stored, window_seconds):
    seconds = after.at - before.at
    machine = seconds * os.cpu_count()
    runs = after.bpf_runs - before.bpf_runs
    bpf_ns = after.bpf_ns - before.bpf_ns
    return OwnCost(
        load=load, seconds=seconds,
        switches_a_second=(after.switches - before.switches) / seconds,
        forks_a_second=(after.forks - before.forks) / seconds,
        agent_share=(after.agent_cpu - before.agent_cpu) / machine,
        bpf_share=bpf_ns / 1e9 / machine,
        counting_share=runs * COST_OF_COUNTING_NS / 1e9 / machine,
        collector_share=(after.collector_cpu - before.collector_cpu) / machine,
        bpf_ns_a_run=bpf_ns / max(runs, 1),
        agent_rss_kib=family_memory_kib(sonde.agent.pid, "VmRSS"),
        agent_share_of_memory_kib=family_share_of_memory_kib(sonde.agent.pid),
        agent_peak_kib=family_memory_kib(sonde.agent.pid, "VmHWM"),
        collector_rss_kib=memory_kib(sonde.collector.pid, "VmRSS"), map_bytes=after.map_bytes,
        profiles_a_minute=profiles * 60 / (windows * window_seconds),
        bytes_a_minute=bytes_stored * 60 / (windows * window_seconds),
        told_share=sonde.agent.status()["overhead_ratio"])


def watch(load, window_seconds, seconds, flags=(), settle_seconds=0):
    """Runs Sonde for `seconds` after its first window, which reads every symbol for the first time, and `settle_seconds`
    more. At least one more window ends within that time."""
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        sonde = Sonde(folder, f"{window_seconds}s", ("--rate", "99Hz", *flags))
        try:
            wait_until("for the first window in the store", lambda: all_is_stored(sonde), patience=180)
            time.sleep(settle_seconds)
            with bpf_run_time_counted():
                before, since_ns = Reading.of(sonde), time.time_ns()
                time.sleep(seconds)
                after, until_ns = Reading.of(sonde), time.time_ns()
            wait_until("for the last window in the store", lambda: all_is_stored(sonde), patience=180)
            return between(load, sonde, before, after, *stored(sonde, since_ns, until_ns), window_seconds)
        finally:
            sonde.stop()


# Longer than any interval here; all of it is stopped by hand.
ENOUGH = 3600


@contextlib.contextmanager
def workloads(home, *commands):
    """Programs of tests/workloads, each (name, what it takes after report and seconds...), while inside."""
    with contextlib.ExitStack() as stack:
        for name, *arguments in commands:
            stack.callback(Program(home, [WORKLOADS / name, home / name, ENOUGH, *arguments]).stop)
        yield


@contextlib.contextmanager
def database_load(pgbench_flags, workloads_too):
    """A database under load beside `workloads_too`: names, each with what it takes after report and seconds."""
    with tempfile.TemporaryDirectory(prefix="sonde-load-") as folder, contextlib.ExitStack() as stack:
        home = pathlib.Path(folder)
        home.chmod(0o711)
        server = Server(home)
        stack.callback(server.stop)
        server.bench("--initialize", "--quiet", "--scale", 4)
        stack.enter_context(workloads(home, *workloads_too))
        client = server.start_bench("--client", 4, "--jobs", 2, "--time", ENOUGH, *pgbench_flags)
        stack.callback(client.communicate)  # the last in is the first to be called
        stack.callback(client.terminate)
        yield


def ordinary_load():
    """A third of the machine or so: a database, threads that sleep, processes that come and go."""
    return database_load(("--rate", 200), [("sleepers",), ("forker", WORKLOADS / "short_lived")])


def saturating_load():
    """Every CPU is wanted by several threads: the database without limit, and a thread that only computes."""
    return database_load((), [("sleepers",), ("forker", WORKLOADS / "short_lived"), ("spinners", 1)])


@contextlib.contextmanager
def computing_load():
    """A program that only computes, on every CPU."""
    with tempfile.TemporaryDirectory(prefix="sonde-load-") as folder, workloads(pathlib.Path(folder), ("spinners", os.cpu_count())):
        yield


@contextlib.contextmanager
def no_load():
    yield


def measure_all(window_seconds, seconds, later_seconds, progress):
    """Right after the first window, when the lines of what runs are still read, and the ordinary load once more, so much later."""
    found = []
    for load, context, settle_seconds in (
            ("ordinary load", ordinary_load, 0), (f"ordinary load, {later_seconds} s later", ordinary_load, later_seconds),
            ("saturated", saturating_load, 0), ("computing", computing_load, 0), ("idle", no_load, 0)):
        progress(f"{load}: the first window of {window_seconds} s, {settle_seconds} s, then {seconds} s")
        with context():
            found.append(watch(load, window_seconds, seconds, settle_seconds=settle_seconds))
    return found


def why_absent():
    """What is not built, or None."""
    missing = [name for name in ("spinners", "sleepers", "forker", "short_lived", "wandering_waits") if not (WORKLOADS / name).exists()]
    return f"{', '.join(missing)} not built in {WORKLOADS}: build the target sonde_workloads" if missing else None
