"""On what the figures were measured, and whether it is quiet enough for any to mean something."""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import time

MOST_LOAD = 0.5


def _first_line(*command):
    if shutil.which(command[0]) is None:
        return None
    got = subprocess.run(list(command), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    lines = (got.stdout or got.stderr).strip().splitlines()
    return lines[0] if lines else None


def _package_version(package):
    return _first_line("dpkg-query", "-W", "-f=${Version}", package)


def _cpu_model():
    found = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _commit():
    here = pathlib.Path(__file__).resolve().parent
    return _first_line("git", "-C", str(here), "describe", "--always", "--dirty", "--exclude=*") or "unknown"


def describe(load):
    """Lines of "name: value"."""
    memory = re.search(r"^MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.MULTILINE)
    peers, servers = (", ".join(f"{package} {_package_version(package) or 'not installed'}" for package in packages)
                      for packages in (("linux-perf", "libbpf-tools", "bpftrace"), ("postgresql-15", "redis-server", "nginx", "wrk")))
    return [
        f"date: {time.strftime('%Y-%m-%d %H:%M:%S %z')}",
        f"Sonde: commit {_commit()}",
        f"kernel: {platform.release()} {platform.machine()}",
        f"CPU: {os.cpu_count()} x {_cpu_model()}, {int(memory[1]) / 2**20:.0f} GiB of memory",
        f"peers: {peers}",
        f"servers and a client: {servers}",
        f"load average before: {load[0]:.2f} {load[1]:.2f} {load[2]:.2f}",
    ]


def why_not_quiet(load):
    """Why nothing should be measured now, or None. `load` as os.getloadavg() gives it."""
    if load[0] <= MOST_LOAD:
        return None
    return (f"the load average of the last minute is {load[0]:.2f}, above {MOST_LOAD}: something else runs, and the figures would "
            "tell about that. Wait until the machine is quiet, or use --force to see that the benchmarks work")
