"""Loads of tests/workloads, and what the kernel itself says of them once they are dead."""

import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time

import sonde_processes as sonde

TICK_NS = 10_000_000


def stolen_ns():
    """CPU time that the hypervisor has taken from this machine: the scheduler's sums leave it out, clocks do not."""
    return int(pathlib.Path("/proc/stat").read_text().split()[8]) * TICK_NS


class Cgroup:
    """A cgroup of its own, whose CPU time the kernel sums; None from usage_ns() where there is none to be had."""

    def __init__(self):
        for root, self.usage in (("/sys/fs/cgroup/cpuacct", "cpuacct.usage"), ("/sys/fs/cgroup", "cpu.stat")):
            if os.path.exists(f"{root}/{self.usage}"):
                self.path = pathlib.Path(f"{root}/sonde-e2e-{os.getpid()}")
                break
        else:
            self.path = None
        try:
            if self.path:
                self.path.mkdir()
        except OSError:
            self.path = None

    def enter(self):
        if self.path:
            (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def usage_ns(self):
        if not self.path:
            return None
        text = (self.path / self.usage).read_text()
        return int(text) if self.usage == "cpuacct.usage" else int(text.split()[1]) * 1000

    def remove(self):
        if self.path:
            self.path.rmdir()


class QuotaGroup(Cgroup):
    """One with a fifth of a CPU, in whichever hierarchy has the CPU controller."""

    QUOTA_US, PERIOD_US = 20_000, 100_000

    def __init__(self):
        first = pathlib.Path("/sys/fs/cgroup/cpu")
        self.is_v1 = first.exists()
        self.path = (first if self.is_v1 else pathlib.Path("/sys/fs/cgroup")) / f"sonde-e2e-quota-{os.getpid()}"
        self.path.mkdir()
        if self.is_v1:
            (self.path / "cpu.cfs_period_us").write_text(str(self.PERIOD_US))
            (self.path / "cpu.cfs_quota_us").write_text(str(self.QUOTA_US))
        else:
            (self.path / "cpu.max").write_text(f"{self.QUOTA_US} {self.PERIOD_US}")

    def throttled_ns(self):
        stat = dict(line.split() for line in (self.path / "cpu.stat").read_text().splitlines())
        return int(stat["throttled_time"]) if self.is_v1 else int(stat["throttled_usec"]) * 1000


class Witness(sonde.Program):
    """Sees every thread of the host off, and notes what the kernel had counted for it."""

    def __init__(self, folder):
        self.path = pathlib.Path(tempfile.mkstemp(dir=folder, prefix="witness-")[1])
        super().__init__(folder, [sonde.EXIT_WITNESS, self.path])

    def finish(self):
        """{pid: (threads, nanoseconds of life, on a CPU, in the run queue, of these in truth asleep, in the run queue
        besides)} of exited threads."""
        if self.stop() != 0:
            raise AssertionError(self.said())
        return {int(pid): tuple(sums) for pid, sums in json.loads(self.path.read_text()).items()}


class Load:
    """One process of a workload. Its numbers are final: read between its death and its burial."""

    def __init__(self, folder, name, *arguments, stdin=subprocess.DEVNULL, stdout=None, cgroup=None, started_by=()):
        self.name = name
        self.report_path = tempfile.mkstemp(dir=folder, prefix=f"report-{name}-")[1]
        self.process = subprocess.Popen([*started_by, str(sonde.WORKLOADS / name), self.report_path, *map(str, arguments)], stdin=stdin,
                                        stdout=stdout, preexec_fn=cgroup.enter if cgroup else None)
        self.pid = self.process.pid
        self.watcher = threading.Thread(target=self._await_death)
        self.watcher.start()

    def _await_death(self):
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        self.end_unix_ns = time.time_ns()

    def finish(self):
        self.watcher.join()
        self.run_queue_of_main_ns = int(pathlib.Path(f"/proc/{self.pid}/schedstat").read_text().split()[1])
        _, status, usage = os.wait4(self.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            raise AssertionError(f"{self.name} failed with {self.process.returncode}")
        self.report = json.loads(pathlib.Path(self.report_path).read_text())
        # utime + stime of /proc/PID/stat, in microseconds instead of ticks; less those of buried children.
        self.sleeps = usage.ru_nvcsw
        self.cpu_ns = round((usage.ru_utime + usage.ru_stime) * 1e9) - sum(child[3] for child in self.report.get("children", []))
        self.least_wall_ns = self.report["main_inside_ns"] + self.report.get("workers_inside_ns", 0)
        return self

    def discard(self):
        if self.process.returncode is None and self.process.poll() is None:
            self.process.kill()
        self.watcher.join()
        if self.process.returncode is None:
            self.process.wait()
