"""Four sick states of a database, each brought about: what `agentctl` says first of PostgreSQL names the cause.

Needs root, and the programs of the build tree in SONDE_BUILD.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import sonde_processes as sonde  # noqa: E402
from slow_disk import SlowDisk  # noqa: E402
from watched_server import WatchedServerTest  # noqa: E402

SECONDS = 3
IDLE = {"kernel-idle", "accept", "idle-poll", "idle-lock", "idle-receive", "idle-signal"}
# By one process for each client.
HEAVY = "SET max_parallel_workers_per_gather = 0;\nSELECT count(*) FROM pgbench_accounts WHERE md5(aid::text) < '8';\n"
COMMIT = "INSERT INTO tick VALUES (1);\n"
UPDATE = "BEGIN;\nUPDATE pgbench_branches SET bbalance = bbalance + 1 WHERE bid = 1;\n\\sleep 20 ms\nEND;\n"


class SickStates(WatchedServerTest):
    """One server for all states."""

    @classmethod
    def setUpClass(cls):
        cls.start_watched_server(scale=1, folder_in="/var/tmp")  # on a disk
        cls.sonde.agent.wait_until_tables_are_built()
        cls.service = next(process["service"] for process in cls.account("100ms")
                           if int(process["pid"]) == cls.server.postmaster())

    @classmethod
    def account(cls, duration):
        return json.loads(cls.sonde.agentctl("account", "--duration", duration, "-o", "json").stdout)["processes"]

    def look(self, clients, script):
        """What agentctl says while so many clients send the script: [(reason, where)] of the lines of `waits`, and
        [(ns, reason)] of the account of all of the service's processes, without waiting for work; most first."""
        file = self.folder / "script.sql"
        file.write_text(script)
        file.chmod(0o644)
        load = self.server.start_bench("--no-vacuum", "--client", clients, "--time", sonde.PATIENCE, "--file", file)
        try:
            sonde.wait_until("for the clients' backends", lambda: self.backends() == clients)
            with concurrent.futures.ThreadPoolExecutor() as pool:
                waits = pool.submit(self.sonde.agentctl, "waits", "--service", self.service, "--duration", f"{SECONDS}s")
                account = pool.submit(self.account, f"{SECONDS}s")
            self.assertIsNone(load.poll(), "pgbench ended")
        finally:
            load.kill()
            load.communicate()
        sonde.wait_until("for the backends to end", lambda: self.backends() == 0)
        self.assertEqual(waits.result().returncode, 0, waits.result().stderr)
        said = waits.result().stdout.splitlines()
        cells = [re.split(r"  +", line.strip()) for line in said]
        sums = {}
        for process in account.result():
            if process["process"] == "postgres":
                for part in process["reasons"]:
                    sums[part["reason"]] = sums.get(part["reason"], 0) + int(part["ns"])
        work = sorted(((ns, reason) for reason, ns in sums.items() if reason not in IDLE), reverse=True)
        print(*said[:6], ", ".join(f"{name} {ns / 1e9:.2f} s" for ns, name in work), sep="\n")
        return [(line[6], line[-1]) for line in cells if line[7:8] == ["postgres"]], work

    def backends(self):
        return int(self.server.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'"
                                   " AND backend_type = 'client backend'"))

    def test_a_query_that_computes_shows_as_time_on_a_cpu(self):
        _, work = self.look(1, HEAVY)
        ns, reason = work[0]
        self.assertEqual(reason, "on-cpu", work)
        self.assertGreater(ns, 0.8 * sum(part for part, _ in work), work)

    def slow_down_the_disk(self):
        self.server.ask("CREATE TABLE IF NOT EXISTS tick (n int)")
        disk = SlowDisk(self.folder, writes_a_second=20, pid=self.server.postmaster())
        self.addCleanup(disk.remove)

    def test_commits_that_wait_for_a_slow_disk_show_as_its_fsync(self):
        self.slow_down_the_disk()
        waits, work = self.look(1, COMMIT)
        self.assertEqual((waits[0][0], work[0][1]), ("disk", "disk"), work)
        self.assertIn("fdatasync", waits[0][1])

    def test_commits_that_wait_for_the_one_that_does_the_fsync_show_as_the_flush_of_the_log(self):
        """All but one of the clients, and who writes the log ahead of them, wait for locks of PostgreSQL's: the place tells what
        for, and the next line of another reason the disk."""
        self.slow_down_the_disk()
        waits, _ = self.look(8, COMMIT)
        self.assertEqual(waits[0][0], "lock")
        self.assertIn("XLogFlush", waits[0][1])
        reason, place = next(wait for wait in waits if wait[0] != "lock")
        self.assertEqual(reason, "disk")
        self.assertRegex(place, "^fdatasync .* XLogFlush ")

    def test_updates_of_one_row_show_as_its_lock(self):
        waits, _ = self.look(8, UPDATE)
        self.assertIn("ProcSleep", waits[0][1])

    def test_too_few_cpus_show_as_waiting_for_one(self):
        cpus = os.sched_getaffinity(self.server.postmaster())
        os.sched_setaffinity(self.server.postmaster(), {min(cpus)})  # its children inherit it
        self.addCleanup(os.sched_setaffinity, self.server.postmaster(), cpus)
        waits, work = self.look(8, HEAVY)
        self.assertIn(waits[0][0], ("run-queue", "preempted"))
        self.assertIn(work[0][1], ("run-queue", "preempted"), work)


if __name__ == "__main__":
    unittest.main(verbosity=2)
