"""What whole stacks cost: a sample's price by depth, tables of many programs, and how soon they are there."""

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import own_cost
import report
from measure import Figure
from sonde_processes import BUILD, WORKLOADS, Sonde, wait_until

BIN = BUILD / "bin"
SPINNER = WORKLOADS / "deep_spinner"
DEPTHS = (10, 30, 100)
MANY = 100
# Takes a compiler longer than a second.
SOURCE = "#include <iostream>\n#include <map>\n#include <regex>\nint main() { std::cout << std::regex_match(\"a\", std::regex(\"a*\")); }\n"
NODE_LOOP = "for(;;)JSON.parse(JSON.stringify([...Array(999).keys()]))"


def stack_ends(sonde):
    return {end["reason"]: int(end["count"]) for end in sonde.agent.status()["stack_ends"]}


@contextlib.contextmanager
def spinning(frames, seconds):
    cpus = sorted(os.sched_getaffinity(0))
    started = [subprocess.Popen(["taskset", "-c", str(cpu), str(SPINNER), str(frames - 5), str(1000 * seconds)],
                                stdout=subprocess.DEVNULL) for cpu in cpus]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
            process.wait()


def price_here(frames, seconds):
    """(ns a sample, share of walks that came to the bottom) of Sonde."""
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder, spinning(frames, seconds + 60):
        sonde = Sonde(folder, "10s", ("--rate", "99Hz"))
        try:
            sonde.agent.wait_until_tables_are_built()
            with own_cost.bpf_run_time_counted():
                ns_before, runs_before = sampling_price(sonde)
                ends_before = stack_ends(sonde)
                time.sleep(seconds)
                ns_after, runs_after = sampling_price(sonde)
                ends = {reason: count - ends_before.get(reason, 0) for reason, count in stack_ends(sonde).items()}
        finally:
            sonde.stop()
    walks = sum(count for reason, count in ends.items() if reason != "kernel threads")
    return (ns_after - ns_before) / (runs_after - runs_before), ends.get("complete", 0) / max(walks, 1)


def sampling_price(sonde):
    """(run time in ns, runs) of the agent's programs of perf events."""
    held = {number for kind, number in sonde.agent.bpf_objects() if kind == "prog"}
    listed = json.loads(subprocess.run(["bpftool", "-j", "prog", "list"], capture_output=True, text=True, check=True).stdout)
    programs = [program for program in listed if program["id"] in held and program.get("type") == "perf_event"]
    return sum(program.get("run_time_ns", 0) for program in programs), sum(program.get("run_cnt", 0) for program in programs)


def dwarf_record(frames, seconds):
    """(CPU ms of perf's own and bytes, each a sample; share of stacks that reach the program's begin) of perf's DWARF mode."""
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder, spinning(frames, seconds + 60):
        file = pathlib.Path(folder) / "perf.data"
        before = os.times()
        subprocess.run(["perf", "record", "-q", "-F", "99", "-a", "--call-graph", "dwarf,16384", "-o", str(file), "sleep", str(seconds)],
                       check=True, capture_output=True)
        script = subprocess.run(["perf", "script", "-i", str(file), "--comm", "deep_spinner", "-F", "ip,sym"], check=True,
                                capture_output=True, text=True).stdout
        after = os.times()
        stacks = [stack for stack in script.strip().split("\n\n") if stack]
        whole = sum("_start" in stack.rstrip().rsplit("\n", 1)[-1] for stack in stacks)
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return 1000 * cpu / len(stacks), file.stat().st_size / len(stacks), whole / len(stacks)


def price_of_samples(seconds, tell):
    rows = []
    for frames in DEPTHS:
        tell(f"a sample of {frames} frames")
        ns, complete = price_here(frames, seconds)
        row = [frames, f"{ns:.0f} ns", report.percent(complete)]
        if shutil.which("perf"):
            cpu_ms, size, whole = dwarf_record(frames, seconds)
            row += [f"{cpu_ms:.1f} ms", f"{size / 1024:.1f} KiB", report.percent(whole)]
        rows.append(row)
    heads = ("frames", "Sonde: BPF run time a sample", "complete", "perf --call-graph dwarf: CPU time a sample, recording and unwinding",
             "written a sample", "complete")
    return (f"## A sample's price by depth\n\n`deep_spinner` on every CPU, without frame pointers, sampled at 99 Hz for {seconds} s.\n\n"
            f"{report.table(heads[:len(rows[0])], rows)}\n")


def is_dynamic_program(path):
    with open(path, "rb") as file:
        head = file.read(4096)
    return head[:5] == b"\x7fELF\x02" and head[18:20] == b"\x3e\x00" and b"ld-linux" in head


def programs_by_size():
    """Dynamic programs of /usr/bin, each file once, the largest first."""
    files = {}
    for path in pathlib.Path("/usr/bin").iterdir():
        info = path.stat() if path.exists() else None
        if info and path.is_file() and os.access(path, os.X_OK) and is_dynamic_program(path):
            files[info.st_ino] = (info.st_size, path)
    return [path for _, path in sorted(files.values(), reverse=True)]


def spread(items, count):
    """So many of them, evenly."""
    return [items[i * len(items) // count] for i in range(min(count, len(items)))]


def libraries_of(programs):
    found = {}
    for program in programs:
        said = subprocess.run(["ldd", str(program)], capture_output=True, text=True).stdout
        for path in re.findall(r"(/\S+) \(0x", said):
            found[os.stat(path).st_ino] = path
    return list(found.values())


def table_cost(tell):
    programs = programs_by_size()[:MANY]
    tell(f"tables of {len(programs)} programs")
    files = [*map(str, programs), *libraries_of(programs)]
    runs = [json.loads(subprocess.run([str(BIN / "sonde_unwind_tables"), *files], check=True, capture_output=True, text=True).stdout)
            for _ in range(3)]
    got = sorted(runs, key=lambda run: run["seconds"])[1]
    million = got["rows"] / 1e6
    return (f"## Tables of the {len(programs)} largest programs in /usr/bin, and their libraries\n\n"
            f"{got['files']} files, {million:.2f} million rows, {got['bytes'] / 2**20:.1f} MiB ({got['bytes'] / got['rows']:.3f} bytes a "
            f"row), compiled by the agent's worker in {got['seconds']:.2f} CPU seconds, with those of who asks it: "
            f"{million / got['seconds']:.1f} million rows a second. It was waited for {got['wall_seconds']:.2f} s in all "
            f"(`sonde_unwind_tables FILE...`, median of three).\n")


def cost_of_many_programs(which, programs, tell):
    tell(f"{len(programs)} {which} programs running")
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder, contextlib.ExitStack() as stack:
        environment = {**os.environ, "LD_PRELOAD": str(BUILD / "lib/libsonde_pause_at_start.so")}
        running = []
        for program in programs:
            process = subprocess.Popen([str(program)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, cwd=folder)
            running.append(process)
            stack.callback(process.wait)
            stack.callback(process.kill)
        sonde = Sonde(folder, "10s", ("--rate", "99Hz"))
        try:
            sonde.agent.wait_until_tables_are_built()
            wait_until("for two windows", lambda: int(sonde.agent.status()["windows"]) >= 2)
            alive = sum(process.poll() is None for process in running)
            status = sonde.agent.status()
            maps = own_cost.bpf_objects(sonde.agent.pid)[2]
            rss, peak = (own_cost.family_memory_kib(sonde.agent.pid, field) for field in ("VmRSS", "VmHWM"))
            share = own_cost.family_share_of_memory_kib(sonde.agent.pid)
        finally:
            sonde.stop()
    tables = status["unwinding"]
    return (f"## With {alive} different programs running: {which}\n\nEach kept at its start with its libraries. Memory of the agent and its workers: "
            f"{rss / 1024:.1f} MiB (what they share counted once: {share / 1024:.1f}; peak {peak / 1024:.1f}), BPF maps {maps / 2**20:.1f} MiB, in which {tables['tables']} tables of "
            f"{int(tables['rows']) / 1e6:.2f} million rows.\n")


def large_new_programs(folder):
    """Programs with much code of their own, and what has them use it for a second: (name, file, arguments)."""
    compiler = subprocess.run(["g++", "-print-prog-name=cc1plus"], capture_output=True, text=True, check=True).stdout.strip()
    source = pathlib.Path(folder) / "source.cpp"
    source.write_text(SOURCE)
    yield "cc1plus", compiler, ["-quiet", "-D_GNU_SOURCE", "-imultiarch", "x86_64-linux-gnu", "-std=c++20", "-O2", "-o", "/dev/null", str(source)]
    if shutil.which("node"):
        yield "node", shutil.which("node"), ["-e", NODE_LOOP]


def run_as_new(name, file, arguments, rounds, folder, tell):
    for number in range(rounds):
        tell(f"{name} as a new program, {number + 1} of {rounds}")
        program = pathlib.Path(folder) / f"program{number}"
        shutil.copyfile(file, program)  # a file that nobody has seen
        program.chmod(0o755)
        done = subprocess.run([str(BIN / "sonde_first_samples"), "1", str(program), *arguments], check=True, capture_output=True, text=True)
        program.unlink()
        yield json.loads(done.stdout)


def first_samples(rounds, tell):
    rows = []
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        for name, file, arguments in large_new_programs(folder):
            found = list(run_as_new(name, file, arguments, rounds, folder, tell))
            cut = sum((collections.Counter(run["cut"]) for run in found), collections.Counter())
            rows.append((name, f"{os.path.getsize(file) / 2**20:.0f} MiB", Figure([run["first_complete_ms"] for run in found]).text(1),
                         Figure([100 * run["complete"] / run["samples"] for run in found]).text(1),
                         ", ".join(f"{reason}: {count}" for reason, count in cut.most_common(3))))
    heads = ("program", "size", "ms from just before exec to the first complete stack", "% complete of the first second", "cut, all rounds")
    return (f"## A new large program\n\nCopied to a new file for each of {rounds} rounds, at 999 Hz, with tables built as the agent builds "
            f"them (`sonde_first_samples 1 PROGRAM ARGUMENT...`).\n\n{report.table(heads, rows)}\n")


def sections(seconds, rounds, tell):
    yield price_of_samples(seconds, tell)
    yield first_samples(rounds, tell)
    yield table_cost(tell)
    yield cost_of_many_programs("any of /usr/bin", spread(programs_by_size(), MANY), tell)
    yield cost_of_many_programs("the largest of /usr/bin", programs_by_size()[:MANY], tell)
