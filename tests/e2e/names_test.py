"""Stacks read as the programmer wrote the code: functions, inlined ones too, with files and lines, for programs with debug
information of their own or beside them, in Go, in JIT code; and whatever a program puts in the agent's way, names of other files'
contents never come of it. Needs root."""

import collections
import concurrent.futures
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time
import unittest

import jit_dump_file
import pprof_file
import sonde_processes as sonde

SECONDS = 3
SOURCES = pathlib.Path(__file__).resolve().parents[1] / "workloads"
MOST = 0.9  # of a program's samples: the rest is in the kernel, the C library, or in main between two calls
LIFE = 1000 * sonde.PATIENCE


def line_of(source, mark):
    """The number of the line that has this comment."""
    lines = (SOURCES / source).read_text().splitlines()
    (found,) = [number for number, line in enumerate(lines, 1) if line.endswith(f"// line of {mark}")]
    return found


def build_id_of(program):
    notes = subprocess.run(["readelf", "-n", program], capture_output=True, text=True, check=True).stdout
    return notes.split("Build ID: ")[1].split()[0]


class NamesTest(sonde.SondeTest):
    def start(self, *command, **options):
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, **options)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def record(self, agent, dying=(), seconds=SECONDS):
        """Samples by process. Those who are `dying` end within the time that is recorded."""
        path = self.folder / "profile.pb.gz"
        with concurrent.futures.ThreadPoolExecutor() as pool:
            recording = pool.submit(sonde.agentctl, agent.socket, "record", "--type", "cpu", "--duration", f"{seconds}s", "-o", path)
            time.sleep(seconds / 2)
            for process in dying:
                process.kill()
                process.wait()
            self.assertFalse(recording.done(), "the machine is too busy")
            done = recording.result()
        self.assertEqual(done.returncode, 0, done.stderr)
        by_process = collections.defaultdict(list)
        for sample in pprof_file.decode(path.read_bytes()).samples:
            by_process[sample.labels.get("process")].append(sample)
        return by_process

    def assert_mostly(self, samples, holds, what, least=MOST):
        total = sum(sample.value for sample in samples)
        share = sum(sample.value for sample in samples if holds(sample)) / max(total, 1)
        print(f"{what}: {100 * share:.1f} % of {total / 1e9:.2f} s")
        self.assertGreater(total, 0, what)
        self.assertGreater(share, least, f"{what}: {[(s.stack, s.value) for s in samples[:5]]}")

    def explained(self, agent, process):
        """{path: what agentctl explain tells of it}."""
        told = sonde.agentctl(agent.socket, "explain", process.pid, "-o", "json")
        self.assertEqual(told.returncode, 0, told.stderr)
        return {code["path"]: code for code in json.loads(told.stdout)["code"]}

    def copy(self, name, workload="planted_names"):
        copied = self.folder / name
        shutil.copy(sonde.WORKLOADS / workload, copied)
        return copied

    def assert_planted_names(self, samples, what):
        inlined = ("planted::FoldInlined(unsigned long)", line_of("planted_names.cpp", "FoldInlined"))
        outer = ("planted::Cruncher<unsigned long>::Crunch(unsigned long)", line_of("planted_names.cpp", "Crunch"))

        self.assert_mostly(samples, lambda sample: sample.has(inlined[0], outer[0]), f"{what}: what is inlined, above what holds it")
        lines = collections.Counter()
        for sample in samples:
            for frame in sample.frames:
                if frame.name in (inlined[0], outer[0]):
                    lines[frame.name, pathlib.Path(frame.file).name, frame.line] += sample.value
                    self.assertTrue(frame.system_name.startswith("_Z"), frame)
        (most_inlined, _), = [item for item in lines.most_common() if item[0][0] == inlined[0]][:1]
        self.assertEqual(most_inlined[1], "planted_names.cpp")
        self.assertLessEqual(abs(most_inlined[2] - inlined[1]), 1, lines)  # the loop's own step is a line above
        self.assertIn((outer[0], "planted_names.cpp", outer[1]), lines)
        callers = {name for sample in samples for name in sample.stack if "lambda" in name}
        self.assertTrue(any("main" in name for name in callers), (callers, samples[0].frames))


class Rust:
    """The planted Rust program, and what it must be named, by how compilers mangle names."""

    INLINED = "<u64 as planted_names::planted::Fold>::fold_inlined"
    # What mangled names begin with, and the stack above the inlined function with the marks of its lines.
    MANGLINGS = {
        "v0": ("_R", {"<planted_names::planted::Cruncher<u64>>::crunch": "crunch",
                      "planted_names::spin_later::{closure#0}::{closure#0}": "the closure",
                      "planted_names::spin_later::{closure#0}": "spin_later",
                      "planted_names::block_on::<planted_names::spin_later::{closure#0}>": None,
                      "planted_names::main": None}),
        # The older one does not tell of which type a function is.
        "legacy": ("_ZN", {"planted_names::planted::Cruncher<Number>::crunch": "crunch",
                           "planted_names::spin_later::{{closure}}::{{closure}}": "the closure",
                           "planted_names::spin_later::{{closure}}": "spin_later",
                           "planted_names::block_on": None,
                           "planted_names::main": None})}

    @staticmethod
    def build(folder, mangling):
        program = folder / f"names_rs_{mangling}"
        unstable = ["-Z", "unstable-options"] if mangling == "legacy" else []
        subprocess.run(["rustc", "--edition=2021", "--crate-name=planted_names", "-g", "-O", "-C", "overflow-checks=off",
                        "-C", f"symbol-mangling-version={mangling}", *unstable, "-o", program, SOURCES / "planted_names.rs"], check=True,
                       env=dict(os.environ, RUSTC_BOOTSTRAP="1"), cwd=folder)
        return program


class Names(NamesTest):
    def stripped_in_a_root_of_its_own(self):
        """A folder with the program, and its debug file where a distribution would put it: by build id."""
        root = self.folder / "root"
        program = self.copy("names_stripped")
        build_id = build_id_of(program)
        debug = root / f"usr/lib/debug/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
        debug.parent.mkdir(parents=True)
        subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
        subprocess.run(["strip", "-o", root / "names_stripped", program], check=True)
        return root

    def build_split(self, name, *flags):
        """The planted program with its debug information in a .dwo file."""
        program = self.folder / name
        subprocess.run(["c++", "-O2", "-g", "-gsplit-dwarf", *flags, "-o", program, SOURCES / "planted_names.cpp"], check=True,
                       cwd=self.folder)
        return program

    def split_and_packed(self):
        split, packed = self.build_split("names_split"), self.build_split("names_packed", "-gdwarf-4")
        subprocess.run(["dwp", "-e", packed, "-o", f"{packed}.dwp"], check=True, cwd=self.folder)
        for unit in self.folder.glob("names_packed*.dwo"):
            unit.unlink()
        return [self.start(program, LIFE) for program in (split, packed)]

    def test_functions_are_named_as_they_were_written(self):
        root = self.stripped_in_a_root_of_its_own()
        go_program = self.folder / "names_go"
        environment = dict(os.environ, CGO_ENABLED="0", GOFLAGS="-buildvcs=false", GO111MODULE="off",
                           GOCACHE=str(sonde.BUILD / "tests/cfi_rows/go_cache"))
        environment.pop("LD_PRELOAD", None)
        subprocess.run(["go", "build", "-o", go_program, SOURCES / "planted_names.go"], check=True, env=environment)
        agent = self.agent(self.collector().grpc, window="10s")
        full = self.start(self.copy("names_full"), LIFE)
        stripped = self.start("/names_stripped", LIFE, preexec_fn=lambda: (os.chroot(root), os.chdir("/")))
        go = self.start(go_program, LIFE)
        split = self.split_and_packed()
        for mangling in Rust.MANGLINGS:
            self.start(Rust.build(self.folder, mangling), LIFE)
        self.replaced()
        time.sleep(1)
        agent.wait_until_tables_are_built()
        self.assert_explained(agent, full, stripped, go)
        by_process = self.record(agent, dying=[stripped])
        self.assert_nobody_is_explained(agent, stripped)
        self.assert_planted_names(by_process["names_full"], "with debug information")
        self.assert_planted_names(by_process["names_stripped"], "stripped, in a root of its own")
        for process in split:
            path = os.readlink(f"/proc/{process.pid}/exe")
            name = os.path.basename(path)
            self.assert_planted_names(by_process[name], f"split: {name}")
            self.assertEqual(self.explained(agent, process)[path]["split_files"], "1")
        self.assert_mostly(by_process["names_go"], lambda sample: sample.has("main.foldInlined", "main.crunch"), "Go",
                           least=0.5)  # the loop around it is its caller's
        for mangling in Rust.MANGLINGS:
            self.assert_rust_names(by_process[f"names_rs_{mangling}"], mangling)
        spun = {name: sum(sample.value for sample in by_process["names_replaced"] if sample.has(f"Spin{name}")) for name in
                ("Before", "After")}
        print("a program and what replaced it:", spun)
        self.assertGreater(min(spun.values()), 0)
        self.assert_mostly(by_process["names_replaced"], lambda sample: sample.has("SpinBefore") or sample.has("SpinAfter"), "both")
        self.assert_others_read_it(self.folder / "profile.pb.gz", agent)

    def assert_explained(self, agent, full, stripped, go):
        def facts(code):
            return code["unwinding"], code["unwound_by"], code["named_by"], code["has_lines"], code["debug_file"]

        code = self.explained(agent, full)
        self.assertEqual(facts(code[str(self.folder / "names_full")]), ("table", ["eh_frame"], ["dwarf", "symtab"], True, ""))
        self.assertEqual(code["[vdso]"]["unwinding"], "table")
        (library,) = [one for path, one in self.explained(agent, agent).items() if "/libc.so" in path]
        if not library["has_lines"]:  # on a machine without libc's debug files
            self.assertEqual((library["package"], library["debug_package"]), ("libc6", "libc6-dbg"))
            self.assertEqual({one["found"] for one in library["tried"]}, {"it is not there"})
        # How the kernel tells a path depends on who asks.
        (code,) = [one for path, one in self.explained(agent, stripped).items() if path.endswith("/names_stripped")]
        self.assertEqual(facts(code), ("table", ["eh_frame"], ["dwarf", "symtab"], True,
                                       f"/usr/lib/debug/.build-id/{code['build_id'][:2]}/{code['build_id'][2:]}.debug"))
        self.assertFalse(code["is_of_host"])
        code = self.explained(agent, go)[str(self.folder / "names_go")]
        self.assertEqual((code["unwinding"], code["unwound_by"][0], code["named_by"][0]), ("table", "go", "go"))

    def assert_rust_names(self, samples, mangling):
        prefix, outer = Rust.MANGLINGS[mangling]
        self.assert_mostly(samples, lambda sample: sample.has(Rust.INLINED, *outer), f"Rust, {mangling}: the whole stack")
        lines = collections.defaultdict(collections.Counter)
        for sample in samples:
            for frame in sample.frames:
                if frame.name == Rust.INLINED or frame.name in outer:
                    self.assertTrue(frame.system_name.startswith(prefix), frame)
                    self.assertEqual(pathlib.Path(frame.file).name, "planted_names.rs")
                    lines[frame.name][frame.line] += sample.value
        ((most, _),) = lines[Rust.INLINED].most_common(1)
        self.assertLessEqual(abs(most - line_of("planted_names.rs", "fold_inlined")), 1, lines[Rust.INLINED])  # or the loop's step
        for name, mark in outer.items():
            if mark is not None:
                ((most, _),) = lines[name].most_common(1)
                self.assertEqual(most, line_of("planted_names.rs", mark), (name, lines[name]))

    def assert_nobody_is_explained(self, agent, ended):
        """What is no process of user space, or none any more."""
        thread = next(int(task.name) for task in pathlib.Path(f"/proc/{agent.pid}/task").iterdir() if int(task.name) != agent.pid)
        for pid, why in ((ended.pid, f"there is no process {ended.pid}"), (thread, f"is a thread of process {agent.pid}")):
            told = sonde.agentctl(agent.socket, "explain", pid)
            self.assertEqual(told.returncode, 1, told.stdout)
            self.assertIn(why, told.stderr)

    def replaced(self):
        """Two builds of one program, whose functions are at the same places: the second takes the first one's file."""
        path = self.folder / "names_replaced"
        for name in ("Before", "After"):
            source = self.folder / "spin.c"
            source.write_text(f"volatile long sum; __attribute__((noinline)) void Spin{name}(void) {{ for (;;) sum++; }}\n"
                              f"int main(void) {{ Spin{name}(); }}\n")
            built = self.folder / "built"
            subprocess.run(["cc", "-O1", "-o", built, source], check=True)
            built.rename(path)
            self.start(path)

    def assert_others_read_it(self, path, agent):
        environment = dict(os.environ, PPROF_TMPDIR=str(self.folder))
        told = subprocess.run(["go", "tool", "pprof", "-top", "-nodecount=500", path], capture_output=True, text=True,
                              env=environment, check=True).stdout
        (line,) = [line for line in told.splitlines() if "FoldInlined" in line]
        self.assertTrue(line.endswith("(inline)"), line)
        rows = json.loads(sonde.agentctl(agent.socket, "top", "--once", "--interval", "1s", "-o", "json").stdout)["rows"]
        marks = {row.get("inlining", "") for row in rows if "FoldInlined" in row["function"]}
        self.assertEqual(marks, {"inline"})


class DebugServer(http.server.BaseHTTPRequestHandler):
    """A debuginfod that has one file. What it was asked for is in `asked`."""

    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_):
        pass


class Debuginfod(NamesTest):
    def serve(self, files):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), DebugServer)
        server.files, server.asked = files, []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.addCleanup(server.server_close)
        return server

    def test_debug_files_are_fetched_from_servers_that_one_names(self):
        program, debug = self.copy("names_fetched"), self.folder / "names_fetched.debug"
        subprocess.run(["objcopy", "--only-keep-debug", program, debug], check=True)
        subprocess.run(["strip", program], check=True)
        build_id = build_id_of(program)
        server = self.serve({f"/buildid/{build_id}/debuginfo": debug.read_bytes()})
        debug.unlink()
        settings = self.folder / "agent.yaml"
        settings.write_text(f"debuginfod: {{urls: 'http://127.0.0.1:{server.server_port}', directory: '{self.folder}/cache'}}\n")
        process = self.start(program, LIFE)
        agent = self.agent(self.collector().grpc, window="10s", flags=("--config", settings))
        agent.wait_until_tables_are_built()

        def fetched():
            return self.explained(agent, process)[str(program)]["debug_file"]

        self.assertEqual(sonde.wait_until("for the debug file", fetched), f"{self.folder}/cache/{build_id}.debug")
        self.assert_planted_names(self.record(agent, seconds=2)["names_fetched"], "with a debug file that was fetched")
        self.assertEqual([path for path in server.asked if not re.fullmatch(r"/buildid/[0-9a-f]+/debuginfo", path)], [])
        self.assertEqual(len(server.asked), len(set(server.asked)), "each is asked for once")


class JitNames(NamesTest):
    CANARY = "root:secret:canary"

    def spinner(self, name, make_map):
        """A program that spins in code of its own making, with a map for perf by `make_map(path, its line but for the name)`."""
        process = self.start(self.copy(name, "jit_spinner"), LIFE)
        address, size = process.stdout.readline().decode().split()
        path = pathlib.Path(f"/tmp/perf-{process.pid}.map")
        make_map(path, f"{address} {size} ")
        self.addCleanup(path.unlink)
        return process

    def dumped(self, name):
        """A program that spins in code of its own making, and writes a jitdump."""
        process = self.start(self.copy(name, "jit_spinner"), LIFE, self.folder)
        process.stdout.readline()
        return process

    def secret(self, line):
        path = self.folder / "secret"
        with open(path, "a", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(f"{line}{self.CANARY}\n")
        return path

    @staticmethod
    def for_everybody(path, text):
        path.write_text(text)
        path.chmod(0o666)

    def node_called(self, name):
        """Node under a name that no other process of the host has."""
        program, node = self.folder / name, os.path.realpath(shutil.which("node"))
        try:
            os.link(node, program)
        except OSError:  # it is on another disk
            shutil.copy(node, program)
        return program

    def node(self):
        script = self.folder / "spin.js"
        script.write_text("function spinInJavaScript(n) { let s = 0; for (let i = 0; i < n; i++) s = (s + i * i) % 1000003; return s; }\n"
                          "const end = Date.now() + 3600e3; while (Date.now() < end) spinInJavaScript(1e6);\n")
        environment = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
        process = self.start(self.node_called("node_mapped"), "--perf-basic-prof", script, env=environment, cwd=self.folder)
        path = pathlib.Path(f"/tmp/perf-{process.pid}.map")
        self.addCleanup(lambda: path.unlink(missing_ok=True))
        sonde.wait_until("for node to write its map", lambda: path.exists() and "spinInJavaScript" in path.read_text())

    def dumping_node(self):
        """Node that writes a jitdump, with the lines of optimized code. It writes by two megabytes, hence the other functions."""
        (self.folder / "dump.js").write_text("function spinInDump(n) {\n  let s = 0;\n  for (let i = 0; i < n; i++) {\n    s = (s + i * i) % 1000003;\n"
                                             "  }\n  return s;\n}\nfor (let i = 0; i < 100; i++) spinInDump(1e5);\n"
                                             "for (let i = 0; i < 8000; i++) new Function('a', `return a * ${i}`)(i);\nconsole.log('spinning');\n"
                                             "const end = Date.now() + 3600e3;\nwhile (Date.now() < end) spinInDump(1e6);\n")
        environment = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
        process = self.start(self.node_called("node_dumped"), "--perf-prof", "--always-sparkplug", "dump.js", env=environment, cwd=self.folder)
        self.assertEqual(process.stdout.readline(), b"spinning\n")
        return process

    def java(self):
        """A Java program that was asked for its map; None where there is no Java, which no test wants to be installed."""
        if shutil.which("jcmd") is None:
            print("no Java here: its maps are not tried")
            return None
        source = self.folder / "Spin.java"
        source.write_text("public class Spin { static long spinInJava(long n) { long s = 0; for (long i = 0; i < n; i++) s = (s + i * i) % 1000003;"
                          " return s; } public static void main(String[] a) { long s = 0; for (long end = System.nanoTime() + 3600000000000L;"
                          " System.nanoTime() < end;) s += spinInJava(1000000); System.out.println(s); } }\n")
        process = self.start("java", "-XX:+PreserveFramePointer", "-XX:TieredStopAtLevel=1", source, cwd=self.folder)
        path = pathlib.Path(f"/tmp/perf-{process.pid}.map")
        self.addCleanup(lambda: path.unlink(missing_ok=True))

        def has_map():
            subprocess.run(["jcmd", str(process.pid), "Compiler.perfmap"], capture_output=True)
            return path.exists() and "Spin.spinInJava" in path.read_text()

        sonde.wait_until("for Java to write its map", has_map, pause=0.3)
        return process

    def test_code_made_at_run_time_is_named_by_maps_and_dumps_that_can_be_trusted(self):
        good = self.spinner("jit_good", lambda path, line: path.write_text(line + "made::at_run_time\n"))
        self.spinner("jit_controls", lambda path, line: path.write_text(line + "evil\x1b[31m\x1b]0;title\x07 name\n"))
        self.spinner("jit_link", lambda path, line: path.symlink_to(self.secret(line)))
        self.spinner("jit_hardlink", self.second_name)
        fifo = self.spinner("jit_fifo", lambda path, line: os.mkfifo(path))
        everybody = self.spinner("jit_everybody", lambda path, line: self.for_everybody(path, line + self.CANARY + "\n"))
        self.node()
        java = self.java()
        dumped, dumped_everybody, dumping_node = self.dumped("jit_dumped"), self.dumped("jit_dumped_everybody"), self.dumping_node()
        pathlib.Path(f"{self.folder}/jit-{dumped_everybody.pid}.dump").chmod(0o666)
        agent = self.agent(self.collector().grpc, window="10s")
        agent.wait_until_tables_are_built()
        for process, named_by, words in ((good, ["perf-map"], ""), (dumped, ["jitdump"], ""), (fifo, [], "it is no plain file"),
                                         (everybody, [], "others than its owner may write to it"),
                                         (dumped_everybody, [], "others than its owner may write to it")):
            made = self.explained(agent, process)["[anon]"]
            self.assertEqual((made["unwinding"], made["named_by"]), ("frame-pointers", named_by))
            self.assertIn(words, made["naming_trouble"])
            self.assertEqual(made["has_lines"], process is dumped)
        by_process = self.record(agent, dying=[good])
        self.assert_mostly(by_process["jit_good"], lambda sample: sample.has("made::at_run_time", "main"), "a good map")
        self.assert_mostly(by_process["jit_controls"], lambda sample: sample.has("evil?[31m?]0;title? name"), "a map with control characters")
        self.assert_mostly(by_process["node_mapped"], lambda sample: any("spinInJavaScript" in name for name in sample.stack), "node")
        if java is not None:
            self.assert_mostly(by_process["java"], lambda sample: any("Spin.spinInJava" in name for name in sample.stack), "Java")
        loop = pprof_file.Frame("dumped::at_run_time", "", "/app/made.js", 43, 0)
        self.assert_mostly(by_process["jit_dumped"], lambda sample: sample.has("dumped::at_run_time", "main") and loop in sample.frames, "a jitdump")
        self.assert_mostly(by_process["node_dumped"], self.is_in_dumped_function(dumping_node), "node's jitdump")
        for name in ("jit_link", "jit_hardlink", "jit_fifo", "jit_everybody", "jit_dumped_everybody"):
            self.assert_mostly(by_process[name], lambda sample: sample.has("[anon]"), name)
        names = {name for samples in by_process.values() for sample in samples for name in sample.stack}
        self.assertEqual([name for name in names if "secret" in name or "\x1b" in name], [])
        self.assertEqual(agent.status()["problems"], [])

    def is_in_dumped_function(self, process):
        """With its line, if Node wrote it: what it writes for a file's name is at times what was in freed memory."""
        file = str(self.folder / "dump.js")
        named = jit_dump_file.file_names_of(self.folder / f"jit-{process.pid}.dump", "spinInDump")
        has_lines = bool(named) and all(name == file.encode() for name in named)
        print(f"node wrote {named[:3] or 'nothing'} as file names of the function")
        return lambda sample: any("spinInDump" in frame.name and (not has_lines or (frame.file == file and frame.line in (3, 4)))
                                  for frame in sample.frames)

    def second_name(self, path, line):
        """Of a file that only root may read."""
        secret = pathlib.Path(f"{path}.secret")
        secret.write_text(line + self.CANARY + "\n")
        secret.chmod(0o600)
        self.addCleanup(secret.unlink)
        os.link(secret, path)


class Worker(NamesTest):
    def worker_of(self, agent):
        return int(agent.status()["symbolizer"]["pid"])

    def test_the_agent_goes_on_whatever_happens_to_its_worker(self):
        agent = self.agent(self.collector().grpc, window="2s")
        self.start(self.copy("names_full"), LIFE)
        agent.wait_until_tables_are_built()
        first = self.worker_of(agent)
        self.assertNotEqual(first, 0, agent.status()["symbolizer"])
        os.kill(first, signal.SIGKILL)
        os.kill(int(agent.status()["table_worker"]["pid"]), signal.SIGKILL)  # so that the program after next finds another
        self.record(agent, seconds=1)  # may have met the death
        self.assert_planted_names(self.record(agent, seconds=2)["names_full"], "after its worker was killed")
        second = self.worker_of(agent)
        self.assertNotIn(second, (0, first))
        os.kill(second, signal.SIGSTOP)
        fresh = self.copy("names_fresh")
        with open(fresh, "ab") as file:
            file.write(b"a file that nobody knows the names of")
        self.start(fresh, LIFE)
        self.record(agent, seconds=1)  # waits for the one that hangs, and ends it
        self.assert_planted_names(self.record(agent, seconds=2)["names_fresh"], "after its worker hung")
        status = agent.status()
        print(status["symbolizer"], status["losses"])
        self.assertEqual((int(status["symbolizer"]["deaths"]), int(status["symbolizer"]["hangs"])), (1, 1))
        self.assertEqual((int(status["table_worker"]["deaths"]), int(status["table_worker"]["starts"])), (1, 2))
        self.assertEqual(status["problems"], [])

    def test_without_its_worker_the_agent_says_so_and_names_places(self):
        alone = self.folder / "bin/sonde-agent"
        alone.parent.mkdir()
        shutil.copy(sonde.AGENT, alone)
        agent = self.agent(self.collector().grpc, window="2s", program=alone)
        self.start(self.copy("names_full"), LIFE)
        agent.wait_until_tables_are_built()
        samples = self.record(agent, seconds=2)["names_full"]
        self.assert_mostly(samples, lambda sample: any(name.startswith("names_full+0x") for name in sample.stack), "by offsets")
        self.assertTrue(all(sample.stack[-1] == "[stack cut: file could not be read]" for sample in samples), samples[0].stack)
        problems = " ".join(agent.status()["problems"])
        for harm in ("functions have no names", "stacks end early"):
            self.assertIn(f"{harm}: sonde-symbolizer is neither beside sonde-agent nor in libexec/sonde: install it there", problems)


if __name__ == "__main__":
    unittest.main(verbosity=2)
