"""PostgreSQL under pgbench, seen by the running agent: its processes, its kernel stacks, its waits. `go tool pprof` reads
every file that the collector and agentctl give, without a word of complaint.

Needs root, and the programs of the build tree in SONDE_BUILD.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import raw_profile  # noqa: E402
import sonde_processes as sonde  # noqa: E402
from watched_server import WatchedServerTest  # noqa: E402

KINDS = ("cpu", "offcpu", "wall", "faults")
SECONDS_OF_LOAD = 15
KERNEL = "[kernel.kallsyms]"
# What go tool pprof says when it fetches and all is well.
NOTICES = re.compile(r"Fetching profile over HTTP from http://\S+\n|Saved profile in [^\n]+\n")


def is_named(name):
    """Not just a place in a file: "postgres+0x1234"."""
    return re.search(r"\+0x[0-9a-f]+$", name) is None


def service_is_named_by_its_program():
    """Where tests run in a systemd unit or a container, it gives all that they start its name."""
    return re.search(r"\.service|[0-9a-f]{64}", pathlib.Path("/proc/self/cgroup").read_text()) is None


class PostgresUnderLoad(WatchedServerTest):
    """One run of the load for all tests; they look at what it left."""

    @classmethod
    def setUpClass(cls):
        cls.start_watched_server(scale=2)
        cls.put_under_load()
        cls.status = sonde.wait_until("for two windows to be closed", lambda: cls.has_closed_windows(2))
        cls.agent_exit_code = cls.sonde.agent.stop()

    @classmethod
    def has_closed_windows(cls, count):
        """Its status, once it has."""
        status = cls.sonde.agent.status()
        return status if int(status["windows"]) >= count else None

    @classmethod
    def put_under_load(cls):
        """Half of the clients by the Unix socket, half by loopback; meanwhile agentctl records, a few at once."""
        flags = ("--client", 2, "--time", SECONDS_OF_LOAD)
        load = [cls.server.start_bench(*flags, host=host) for host in (None, "127.0.0.1")]
        # All four: before them each pgbench makes a connection that it soon closes.
        backend = sonde.wait_until("for four backends to serve pgbench", lambda: cls.server.ask(
            "SELECT min(pid) FROM pg_stat_activity WHERE application_name = 'pgbench' HAVING count(*) = 4"))
        whose = {"host": (), "backend": ("--pid", backend)}
        wanted = {cls.folder / f"{kind}-{name}.pb.gz": (kind, flags) for kind in KINDS for name, flags in whose.items()}
        with concurrent.futures.ThreadPoolExecutor(len(KINDS)) as pool:
            runs = pool.map(lambda file: cls.sonde.agentctl("record", "--duration", "3s", "--type", wanted[file][0], "-o", file,
                                                            *wanted[file][1]), wanted)
            cls.recordings = dict(zip(wanted, runs))
        cls.load = [(*process.communicate(timeout=sonde.PATIENCE), process.returncode) for process in load]

    def pprof(self, *arguments, notices=False):
        """What go tool pprof prints; fails the test at any complaint."""
        environment = dict(os.environ, PPROF_TMPDIR=str(self.folder / "pprof"))
        environment.pop("LD_PRELOAD", None)
        got = subprocess.run(["go", "tool", "pprof", *map(str, arguments)], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=sonde.PATIENCE, env=environment)
        self.assertEqual(got.returncode, 0, f"{arguments}\n{got.stderr}")
        self.assertEqual(NOTICES.sub("", got.stderr) if notices else got.stderr, "", arguments)
        return got.stdout

    def of_postgres(self, kind):
        """What the collector has of PostgreSQL's processes, as go tool pprof reads it."""
        file = self.folder / f"all-{kind}.pb.gz"
        file.write_bytes(self.sonde.collector.fetch(f"/pprof/{kind}"))
        profile = raw_profile.parse(self.pprof("-raw", file)).where(process="postgres")
        self.assertNotEqual(profile.samples, [], kind)
        return profile

    def test_the_load_and_the_agent_ran_well(self):
        for output, errors, exit_code in self.load:
            self.assertEqual(exit_code, 0, errors)
            self.assertRegex(output, r"number of transactions actually processed: [1-9]")
        self.assertEqual(self.agent_exit_code, 0, self.sonde.agent.said())
        for target in self.status["targets"]:
            self.assertEqual((target["dropped"], target["last_error"]), ("0", ""), target)

    def test_its_processes_are_a_service_of_their_own(self):
        for kind in KINDS:
            services = {sample.labels["service_name"] for sample in self.of_postgres(kind).samples}
            self.assertEqual(len(services), 1, services)
            if service_is_named_by_its_program():
                self.assertEqual(services, {"postgres"})
            self.assertIn(services.pop(), {labels["service_name"] for labels in self.sonde.collector.series(kind)})

    def test_its_time_on_a_cpu_has_kernel_stacks_and_its_own_functions(self):
        profile = self.of_postgres("cpu")
        self.assertGreater(profile.sum("cpu/nanoseconds"), 0)
        kernel = profile.names(KERNEL)
        self.assertGreater(len(kernel), 10, kernel)
        self.assertEqual({name for name in kernel if not is_named(name)}, set())
        self.assertIn("do_syscall_64" if os.uname().machine == "x86_64" else "el0_svc", kernel)
        binary = next(name for name in profile.mappings if name.endswith("/bin/postgres"))
        self.assertGreater(sum(map(is_named, profile.names(binary))), 10, profile.names(binary))

    def test_its_waits_are_told_apart_and_have_kernel_stacks(self):
        profile = self.of_postgres("offcpu")
        # Backends wait for their clients in the main loop's epoll, whatever the file system makes of fsync.
        for reason in ("idle-poll", "run-queue"):
            part = profile.where(reason=reason)
            self.assertGreater(part.sum("delay/nanoseconds"), 0, reason)
            self.assertGreater(part.sum("waits/count"), 0, reason)
        self.assertTrue(any("epoll_wait" in name for name in profile.where(reason="idle-poll").names(KERNEL)))
        self.assertEqual({name for name in profile.names(KERNEL) if not is_named(name)}, set())

    def test_nearly_all_of_its_waits_have_a_reason(self):
        profile = self.of_postgres("offcpu")
        self.assertLess(profile.where(reason="other").sum("delay/nanoseconds"), 0.01 * profile.sum("delay/nanoseconds"))

    def test_its_waits_begin_at_the_scheduler(self):
        """Except where it slept since before the agent came: then the kernel leaves the scheduler out."""
        waits = self.of_postgres("offcpu").where(reason="idle-poll")
        count = waits.index("waits/count")
        elsewhere = sum(sample.values[count] for sample in waits.samples
                        if not (sample.stack and "schedule" in "".join(sample.stack[0].names)))
        self.assertLess(elsewhere, 0.05 * waits.sum("waits/count"))

    def test_the_wall_profile_is_the_sum_of_the_others(self):
        wall, waits, cpu = self.of_postgres("wall"), self.of_postgres("offcpu"), self.of_postgres("cpu")
        for reason in {sample.labels["reason"] for sample in waits.samples}:
            self.assertEqual(wall.where(reason=reason).sum("wall/nanoseconds"),
                             waits.where(reason=reason).sum("delay/nanoseconds"))
        # The clock's time on a CPU is exact; samples estimate it, and may be off by a few roots of their number.
        clock, samples = wall.where(reason="on-cpu").sum("wall/nanoseconds"), cpu.sum("samples/count")
        estimate = cpu.sum("cpu/nanoseconds")
        self.assertAlmostEqual(clock, estimate, delta=10 * samples ** 0.5 * estimate / samples)

    def test_go_tool_pprof_reads_every_stored_profile(self):
        files = []
        for kind in KINDS:
            series = self.sonde.collector.series(kind)
            self.assertNotEqual(series, [], kind)
            for number, labels in enumerate(series):
                files.append(self.folder / f"stored-{kind}-{number}.pb.gz")
                files[-1].write_bytes(self.sonde.collector.fetch(f"/pprof/{kind}", query=sonde.selector(labels)))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for table in pool.map(lambda file: self.pprof("-top", file), files):
                self.assertIn("flat%", table)

    def test_go_tool_pprof_reads_every_recording(self):
        for file, run in self.recordings.items():
            # A backend may be off the CPU at all samples of three seconds, and at no fault that is walked; agentctl says so and
            # writes no file.
            if file.name in ("cpu-backend.pb.gz", "faults-backend.pb.gz") and "the profile is empty" in run.stderr:
                continue
            self.assertEqual(run.returncode, 0, run.stderr)
            table = self.pprof("-top", file)
            self.assertIn("flat%", table)
            processes = {sample.labels["process"] for sample in raw_profile.parse(self.pprof("-raw", file)).samples}
            self.assertIn("postgres", processes)
            if file.name.endswith("-backend.pb.gz"):
                self.assertEqual(processes, {"postgres"})
                self.assertIn("File: postgres\n", table)

    def test_go_tool_pprof_fetches_from_the_collector(self):
        for kind in KINDS:
            table = self.pprof("-top", f"http://{self.sonde.collector.http}/pprof/{kind}", notices=True)
            self.assertIn("flat%", table)
        self.assertEqual(len(list((self.folder / "pprof").iterdir())), len(KINDS))


if __name__ == "__main__":
    unittest.main()
