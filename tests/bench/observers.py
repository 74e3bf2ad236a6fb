"""Those who watch while the work is measured: nobody, Sonde, and its peers, each as its users start it.

An observer is a context manager: it watches inside `with`. `why_absent()` tells why it cannot be measured here, or None.
`is_at_rest()` tells whether it now costs what it goes on to cost. Afterwards `saw` has a word on what it saw, so that nobody
looks cheap who saw nothing.
"""

import functools
import pathlib
import shutil
import signal
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "postgres")]
from sonde_processes import Program, Sonde  # noqa: E402

SETTLE_SECONDS = 1.0  # between an observer's start and the work


class Nobody:
    name = "nothing"
    command = "-"
    saw = "-"

    def why_absent(self):
        return None

    def is_at_rest(self):
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class SondeHere:
    """The agent and the collector on the same host, as deploy/quickstart runs them; so both their costs are in."""

    def __init__(self, window="10s", rate="99Hz", budget=None, settle_seconds=0, name="sonde-agent"):
        """`budget` None: the agent's own default. At rest after `settle_seconds`, whatever is still to come."""
        self.name, self.window, self.settle_seconds = name, window, settle_seconds
        self.flags = ("--rate", rate, *(("--overhead-budget", budget) if budget else ()))
        self.command = f"sonde-agent --window {window} {' '.join(self.flags)}, with sonde-collector beside it"
        self.saw = ""

    def why_absent(self):
        return None

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sonde-bench-")
        self.started = time.monotonic()
        self.sonde = Sonde(self.folder.name, self.window, self.flags)
        if self.settle_seconds == 0:
            time.sleep(SETTLE_SECONDS)
        return self

    def is_at_rest(self):
        """A window has passed, tables are built, and the cost is within the budget or nothing is left to lower."""
        if time.monotonic() - self.started >= self.settle_seconds:
            return True
        status = self.fresh_status()
        if int(status["windows"]) == 0 or int(status["unwinding"]["pending"]) > 0:
            return False
        overhead = status["overhead"]
        if overhead["budget_ratio"] == 0 or overhead["is_beyond"]:
            return True
        return overhead["is_measured"] and overhead["programs_ratio"] + overhead["own_cpu_ratio"] <= overhead["budget_ratio"]

    def fresh_status(self):
        # Measuring anew ends the slice in progress; only then is the cost judged, and are its numbers told.
        self.sonde.agentctl("account", "--duration", "100ms")
        return self.sonde.agent.status()

    def __exit__(self, *_):
        status = self.fresh_status()
        self.saw = f"{status['waits']} waits, {status['samples']} samples, {status['faults']} page faults"
        if lowered := status["overhead"]["lowered"]:
            self.saw += "; lowered " + ", ".join(f"{entry['what']} to {entry['now']}" for entry in lowered)
        if status["overhead"]["is_beyond"]:
            self.saw += "; over its budget with nothing left to lower"
        self.sonde.stop()
        self.folder.cleanup()


class Tracer:
    """A program that traces until it gets an interrupt and then prints; `output` gets what it prints."""

    def __init__(self, name, command, what_it_prints, package):
        self.name, self.words, self.what, self.package = name, command, what_it_prints, package
        self.command = " ".join(f"'{word}'" if " " in word else word for word in command)
        self.saw = ""

    def why_absent(self):
        return self._absence

    @functools.cached_property  # trying it takes seconds
    def _absence(self):
        if shutil.which(self.words[0]) is None:
            return f"{self.words[0]} is not installed ({self.package})"
        with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
            tracer = Program(folder, self.words, cwd=folder)
            time.sleep(4 * SETTLE_SECONDS)
            ended = tracer.process.poll()
            if ended is None:
                tracer.stop(signal.SIGINT)
                return None
            said = tracer.said().strip().splitlines()
            return f"ended with {ended}: {said[-1] if said else 'no word'}"

    def is_at_rest(self):
        return True

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="sonde-bench-")
        self.tracer = Program(self.folder.name, self.words, cwd=self.folder.name)
        time.sleep(3 * SETTLE_SECONDS)  # bpftrace compiles first
        self.tracer.assert_alive()
        return self

    def __exit__(self, *_):
        self.tracer.stop(signal.SIGINT)
        self.saw = self.what(pathlib.Path(self.folder.name), self.tracer.said())
        self.folder.cleanup()


def lines_printed(_, text):
    return f"{len(text.splitlines())} lines of stacks"


def samples_written(folder, _):
    file = folder / "perf.data"
    return f"{file.stat().st_size / 1024:.0f} KiB of samples"


# At switch-out, where the thread is current, as all others do; sums where it comes back.
SUM_OFF_CPU = """
tracepoint:sched:sched_switch {
  if (args->prev_pid) { @at[args->prev_pid] = nsecs; @k[args->prev_pid] = kstack; @u[args->prev_pid] = ustack; }
  $at = @at[args->next_pid];
  if ($at) { @off[@k[args->next_pid], @u[args->next_pid]] = sum(nsecs - $at); delete(@at[args->next_pid]); }
}
END { clear(@at); clear(@k); clear(@u); }"""


def off_cpu_tracers():
    return [
        Tracer("libbpf-tools offcputime", ["offcputime", "--stack-storage-size", "16384"], lines_printed, "libbpf-tools"),
        Tracer("bpftrace, off-CPU by stacks", ["bpftrace", "-e", " ".join(SUM_OFF_CPU.split())], lines_printed, "bpftrace"),
    ]


def off_cpu_observers():
    return [Nobody(), SondeHere(), *off_cpu_tracers()]


def throughput_observers(settle_seconds):
    """Without the tracers: Sonde as it is installed, held to its budget, and Sonde that walks every stack it has to."""
    return [
        Nobody(), SondeHere(settle_seconds=settle_seconds),
        SondeHere(settle_seconds=settle_seconds, budget="0", name="sonde-agent without a budget"),
    ]


def on_cpu_observers():
    return [
        Nobody(), SondeHere(),
        Tracer("libbpf-tools profile", ["profile", "-F", "99"], lines_printed, "the libbpf-tools of Debian 12 have no such tool"),
        Tracer("bpftrace, profile:hz:99", ["bpftrace", "-e", "profile:hz:99 { @[kstack, ustack, comm] = count(); }"],
               lines_printed, "bpftrace"),
        Tracer("perf record", ["perf", "record", "-q", "-F", "99", "-a", "-g", "-o", "perf.data"], samples_written, "linux-perf"),
    ]


def fault_observers():
    return [
        Nobody(), SondeHere(),
        Tracer("bpftrace, every page fault", ["bpftrace", "-e", "software:page-faults:1 { @[kstack, ustack, comm] = count(); }"],
               lines_printed, "bpftrace"),
        Tracer("perf record, every 256th page fault",
               ["perf", "record", "-q", "-e", "page-faults", "-c", "256", "-a", "-g", "-o", "perf.data"], samples_written, "linux-perf"),
    ]
