"""The work that is measured. Each gives a time for a fixed amount of work, so that a ratio above 1 is a slow-down."""

import os
import re
import subprocess

from sonde_processes import WORKLOADS


def run(*command):
    got = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if got.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {got.returncode}:\n{got.stdout}{got.stderr}")
    return got.stdout + got.stderr


class Pipe:
    """Two processes pass a byte to and fro on one CPU: each operation is two context switches and nearly nothing else."""

    unit = "us per operation"

    def __init__(self, loops, cpu=0):
        self.words = ["taskset", "-c", cpu, "perf", "bench", "sched", "pipe", "-l", loops]
        self.command = " ".join(map(str, self.words))

    def measure(self):
        return float(re.search(r"([0-9.]+) usecs/op", run(*self.words))[1])


class Hashing:
    """SHA-256 in one process for each CPU: never waits, hardly enters the kernel."""

    unit = "ms per GiB and CPU"

    def __init__(self, seconds):
        cpus = sorted(os.sched_getaffinity(0))
        self.cpus = len(cpus)
        self.words = ["taskset", "-c", ",".join(map(str, cpus)), "openssl", "speed", "-mr", "-elapsed", "-multi", self.cpus,
                      "-seconds", seconds, "-bytes", 16384, "sha256"]
        self.command = " ".join(map(str, self.words))

    def measure(self):
        bytes_a_second = float(re.findall(r"^\+F:\d+:sha256:([0-9.]+)", run(*self.words), re.MULTILINE)[-1])
        return 1000 * 2**30 / (bytes_a_second / self.cpus)


class Touching:
    """Touches fresh pages of 4 KiB on one CPU, and gives them back between: nothing but page faults."""

    unit = "ns per page"

    def __init__(self, pages, rounds, cpu=0):
        self.words = ["taskset", "-c", cpu, WORKLOADS / "page_toucher", pages, rounds]
        self.command = f"taskset -c {cpu} page_toucher {pages} {rounds}"

    def measure(self):
        return float(run(*self.words))
