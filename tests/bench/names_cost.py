"""What the names of a whole host's window cost, cold and warm, and what memory names take over an hour's worth of windows."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import own_cost
import report
from sonde_processes import BUILD, Sonde, agentctl

TOOL = BUILD / "bin/sonde_name_window"
FRAMES = 20_000
KERNEL, LIBC, OURS, GO = 3_000, 1_500, 3_500, 2_000
MANY_FILES, LEAST_BYTES = 90, 300_000
FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/lib/x86_64-linux-gnu", "/usr/lib/postgresql/15/bin")
SOURCES = pathlib.Path(__file__).resolve().parents[1]


def is_elf(path):
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def programs_of_host(count):
    """So many programs and libraries of at least 300 kB, evenly drawn from all that there are by name."""
    found = sorted(str(path) for folder in FOLDERS if os.path.isdir(folder) for path in pathlib.Path(folder).iterdir()
                   if path.is_file() and not path.is_symlink() and path.stat().st_size >= LEAST_BYTES and is_elf(path))
    return [found[i * len(found) // count] for i in range(min(count, len(found)))]


def go_program():
    if shutil.which("go") is None:
        return None
    root = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    tools = pathlib.Path(root, "pkg/tool/linux_amd64/compile")
    return str(tools) if tools.exists() else None


def wanted():
    """COUNT:PATH of all that a window has; the C library first, which every service has."""
    (libc,) = pathlib.Path("/lib").glob("*-linux-gnu/libc.so.6")
    words = [f"{LIBC}:{libc.resolve()}", f"{KERNEL}:[kernel]", f"{OURS}:{BUILD}/bin/sonde-agent"]
    if go := go_program():
        words.append(f"{GO}:{go}")
    left = FRAMES - sum(int(word.split(":")[0]) for word in words)
    others = [path for path in programs_of_host(MANY_FILES + 1) if path != str(libc.resolve())][:MANY_FILES]
    share = left // len(others)
    return words + [f"{share + (i < left - share * len(others))}:{path}" for i, path in enumerate(others)]


def run_tool(*words):
    done = subprocess.run([TOOL, *words], capture_output=True, text=True, check=False)
    sys.stderr.write(done.stderr)
    if done.returncode != 0:
        sys.exit(f"bench: {TOOL} failed with {done.returncode}")
    return json.loads(done.stdout)


def cpu_of(command, text):
    """CPU seconds and peak MB of a command that reads `text`."""
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    child.stdin.write(text)
    child.stdin.close()
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def others(addresses, tell):
    """Rows of others who name the same places in files."""
    lines = pathlib.Path(addresses).read_text().splitlines()
    if shutil.which("llvm-symbolizer"):
        tell("names: llvm-symbolizer")
        seconds, peak = cpu_of(["llvm-symbolizer", "--functions=linkage", "--inlines"], "\n".join(lines) + "\n")
        yield f"llvm-symbolizer, {len(lines):,} of these places (it knows no kernel)", f"{1e3 * seconds:.0f}", f"{peak:.0f}"
    if shutil.which("eu-addr2line"):
        tell("names: eu-addr2line")
        by_file = {}
        for line in lines:
            path, address = line.rsplit(" ", 1)
            by_file.setdefault(path, []).append(address)
        costs = [cpu_of(["eu-addr2line", "-f", "-i", "-C", "-e", path], "\n".join(found) + "\n") for path, found in by_file.items()]
        yield (f"eu-addr2line -i, the same, a process for each of {len(by_file)} files", f"{1e3 * sum(seconds for seconds, _ in costs):.0f}",
               f"{max(peak for _, peak in costs):.0f}")


def cost_rows(told):
    for state in ("cold", "warm"):
        names, profiles = told[state]["names"], told[state]["profiles"]
        yield f"{state}: names", f"{sum(names):.1f}", f"agent {names[0]:.1f}, worker {names[1]:.1f}"
        yield f"{state}: pprof of them, 20 profiles", f"{sum(profiles):.1f}", f"agent {profiles[0]:.1f}, worker {profiles[1]:.1f}"


def shown_over_time(rows, keys, every):
    """Rows of `keys` at the first, each `every`-th and the last."""
    chosen = [i for i in range(len(rows)) if i == 0 or (i + 1) % every == 0 or i == len(rows) - 1]
    for i in chosen:
        yield (i + 1, *(f"{rows[i][key] / 1024:.1f}" for key in keys), f"{sum(rows[i][key] for key in keys) / 1024:.1f}")


class Builds(threading.Thread):
    """Compiles, links, byte-compiles and lists, one after the other, until it is told to stop: thousands of functions of other people's programs."""

    def __init__(self, folder):
        super().__init__()
        self.folder, self.stopped, self.rounds = pathlib.Path(folder), threading.Event(), 0

    def commands(self):
        for source in sorted((SOURCES / "workloads").glob("*.cpp")):
            yield ["c++", "-std=c++20", "-O2", "-g", "-pthread", str(source), "-o", str(self.folder / "built")]
            yield ["objdump", "-dC", str(self.folder / "built")]
            yield ["python3", "-c", "import json, decimal, email.message, unittest; [compile(open(m.__file__).read(), m.__file__, 'exec') for m in (json, decimal, unittest)]"]
            yield ["perl", "-MPOSIX", "-e", "my %h; $h{$_ % 977} .= $_ for 1..300000; print length join q(,), sort values %h"]
            yield ["openssl", "speed", "-seconds", "1", "sha256"]
            yield ["sh", "-c", "find /usr/share -type f | sort | gzip -9 | wc -c"]

    def run(self):
        while True:
            for command in self.commands():
                if self.stopped.is_set():
                    return
                subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
            self.rounds += 1


def real_agent(windows, tell):
    """[{own_kib, workers_kib}] after each window of a second, at 999 Hz, while programs are built and run; and its functions at the end."""
    tell(f"names: an agent over {windows} windows of a second")
    rows = []
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        sonde = Sonde(folder, "1s", ("--rate", "999Hz", "--overhead-budget", "0"))
        builds = Builds(folder)
        try:
            sonde.agent.wait_until_tables_are_built()
            builds.start()
            for _ in range(windows):
                time.sleep(1)
                workers = [own_cost.memory_kib(pid, "VmRSS") for pid in own_cost.children(sonde.agent.pid)]
                rows.append({"own_kib": own_cost.memory_kib(sonde.agent.pid, "VmRSS"), "workers_kib": sum(workers)})
            status = json.loads(agentctl(sonde.agent.socket, "status", "-o", "json").stdout)
        finally:
            builds.stopped.set()
            builds.join()
            sonde.stop()
    return rows, int(status["windows"]), int(status["unwinding"]["files"])


def section(windows, agent_windows, tell):
    title = "Names of a whole host's window"
    if not TOOL.exists():
        return report.not_measured(title, f"there is no {TOOL.name}")
    with tempfile.NamedTemporaryFile(prefix="sonde-addresses-") as addresses:
        tell(f"names: {FRAMES} places, then {windows} windows")
        told = run_tool("--addresses", addresses.name, "--windows", str(windows), *wanted())
        rows = [*cost_rows(told), *others(addresses.name, tell)]
    over_time = [*shown_over_time(told["replay"], ("own_kib", "names_kib", "tables_kib"), 10)]
    agent_rows, agent_count, files = real_agent(agent_windows, tell)
    return "\n".join([
        f"## {title}\n",
        f"{told['drawn']:,} distinct places, drawn at random from the code of {told['files']} files of this host and of its kernel (`sonde_name_window`): {KERNEL:,} of the "
        f"kernel, {LIBC:,} of the C library with its debug file if it is installed, {OURS:,} of a C++ program with DWARF (sonde-agent), {GO:,} of Go's compiler, the rest "
        f"of {MANY_FILES} of Debian's programs and libraries with symbols only. In profiles of ten services and two kinds, each place in three stacks of each; resolved by the "
        f"agent's code and the real worker. Of the places in these profiles {told['named']:,} have a function's name, {told['with_lines']:,} a line, "
        f"{told['inlined']:,} inlined functions. CPU time, page cache warm.\n",
        report.table(("", "CPU ms", "of which; of others the peak of MB"), rows) + "\n",
        f"Then {windows} windows as if a minute apart: one place of ten is another one each time, and eight files get their unwinding tables anew. Resident memory in "
        f"MiB after each tenth, when the window's profiles are given away:\n",
        report.table(("window", "who resolves", "worker for names", "worker for tables", "together"), over_time) + "\n",
        f"A whole agent (`--window 1s --rate 999Hz`) while programs are compiled, disassembled and run one after the other, {agent_count} windows, {files} files met; resident memory "
        f"in MiB:\n",
        report.table(("seconds", "agent", "its workers", "together"),
                     [*shown_over_time(agent_rows, ("own_kib", "workers_kib"), 10)]) + "\n"])
