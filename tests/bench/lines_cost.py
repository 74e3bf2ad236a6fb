"""What functions, lines and inlined calls of many addresses cost, beside llvm-symbolizer and elfutils."""

import os
import pathlib
import random
import re
import resource
import shutil
import subprocess
import sys
import time

BUILD = pathlib.Path(os.environ.get("SONDE_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build/release"))
TOOL = BUILD / "bin/source_lines"
COUNTS = (1, 100, 2_000)


def build_id(file):
    notes = subprocess.run(["readelf", "-n", file], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Build ID: ([0-9a-f]+)", notes)
    return found.group(1) if found else ""


def debug_file():
    """SONDE_BENCH_DEBUG_FILE, or the C library's debug file (libc6-dbg); "" when there is neither."""
    if named := os.environ.get("SONDE_BENCH_DEBUG_FILE"):
        return named
    for library in pathlib.Path("/lib").glob("*-linux-gnu/libc.so.6"):
        identity = build_id(library)
        file = pathlib.Path("/usr/lib/debug/.build-id") / identity[:2] / f"{identity[2:]}.debug"
        if file.exists():
            return str(file)
    return ""


def commands(file):
    """Reader -> its command, which reads addresses from standard input; what is not here is left out."""
    found = {"Sonde": [str(TOOL), "ours", file]}
    if shutil.which("llvm-symbolizer"):
        found["llvm-symbolizer"] = ["llvm-symbolizer", "--functions=linkage", "--no-demangle", "--obj=" + file]
    if shutil.which("eu-addr2line"):
        found["eu-addr2line -i"] = ["eu-addr2line", "-f", "-i", "-e", file]
    return found


def addresses_of(file, count):
    sections = [tuple(int(word, 16) for word in line.split())
                for line in subprocess.run([TOOL, "text", file], capture_output=True, text=True, check=True).stdout.splitlines()]
    draw = random.Random(1)
    chosen = draw.choices(sections, weights=[end - begin for begin, end in sections], k=count)
    return "".join(f"0x{draw.randrange(begin, end):x}\n" for begin, end in chosen)


def own_peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(command, text):
    """Wall seconds of the whole process, and its peak of memory in MB."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    child.stdin.write(text)
    child.stdin.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} failed with {child.returncode}")
    return time.monotonic() - begin, usage.ru_maxrss / 1024


def best_of(rounds, found, text):
    """Reader -> (least seconds, peak MB), the readers in turn."""
    results = {}
    for _ in range(rounds):
        for reader, command in found.items():
            seconds, peak = measure(command, text)
            least, most = results.get(reader, (seconds, 0))
            results[reader] = (min(least, seconds), max(most, peak))
    return results


def section(rounds, tell):
    title = "Functions, lines and inlined calls of random addresses"
    file = debug_file()
    if not TOOL.exists() or not file:
        reason = f"there is no {TOOL.name}" if file else "no debug file: install libc6-dbg, or name one in SONDE_BENCH_DEBUG_FILE"
        return f"## {title}\n\nNot measured: {reason}.\n"
    found = commands(file)
    lines = [f"## {title}\n", f"In `{pathlib.Path(file).name}` ({os.path.getsize(file) / 1e6:.0f} MB): wall seconds of a fresh process (the least of "
             f"{rounds}, page cache warm), its peak of memory, and both as a ratio to Sonde's. "
             f"(Peaks start from this program's own, {own_peak_mb():.0f} MB: Linux counts what a process had before exec.)\n",
             "| addresses | reader | seconds | ratio | MB | ratio |", "| --- | --- | --- | --- | --- | --- |"]
    for count in COUNTS:
        tell(f"lines: {count} addresses")
        results = best_of(rounds, found, addresses_of(file, count))
        own_seconds, own_peak = results["Sonde"]
        for reader, (seconds, peak) in results.items():
            lines.append(f"| {count:,} | {reader} | {seconds:.3f} | {seconds / own_seconds:.1f} | {peak:.0f} | {peak / own_peak:.1f} |")
    return "\n".join(lines) + "\n"
