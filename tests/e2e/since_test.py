"""What agentctl tells of the last minutes must be what there was: it was measured before anybody asked."""

import json
import tempfile
import unittest

import known_loads
import pprof_file
import sonde_processes as sonde

LOAD, LOAD_SECONDS = "planted_reasons", 4
SHARE, NS = 0.01, 1e6
BACK_SECONDS = 60  # longer than the load's life; slices begin a little before
SLICE_SECONDS = 10


class Since(sonde.SondeTest):
    def setUp(self):
        super().setUp()
        self.disk = self.enterContext(tempfile.TemporaryDirectory(prefix="sonde-e2e-", dir="/var/tmp"))
        self.started = self.agent(self.collector().grpc, window="10s")
        self.load(1, "timers")  # once before, so that its unwinding table is there
        self.started.wait_until_tables_are_built()

    def load(self, seconds, group):
        return known_loads.Load(self.folder, LOAD, seconds, self.disk, group).finish()

    def ask(self, *words):
        done = sonde.agentctl(self.started.socket, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_what_has_been_is_told_without_measuring_anew(self):
        load = self.load(LOAD_SECONDS, "locks")
        account = json.loads(self.ask("account", "--pid", load.pid, "--since", f"{BACK_SECONDS}s", "-o", "json"))
        waits = json.loads(self.ask("waits", "--idle", "--limit", "10000", "--since", f"{BACK_SECONDS}s", "-o", "json"))
        path = self.folder / "past.pb.gz"
        said = self.ask("record", "--type", "offcpu", "--since", f"{BACK_SECONDS}s", "-o", path)
        print(said)

        for reply in (waits, account):
            self.assertGreater(int(reply["duration_ns"]), LOAD_SECONDS * 1e9)
            self.assertLess(int(reply["duration_ns"]), (BACK_SECONDS + SLICE_SECONDS + 1) * 1e9)
        self.expect_waits(load, waits["waits"])
        self.expect_closure(load, account["processes"])
        names = {name for sample in pprof_file.decode(path.read_bytes()).samples for name in sample.stack}
        self.assertTrue(any(name.startswith("planted::TakeMutex(") for name in names), names)

    def expect_waits(self, load, waits):
        for function in ("WaitForCondition", "WaitForSemaphore"):
            truth, count = load.report[f"planted::{function} lock"], load.report[f"planted::{function} count"]
            found = [one for one in waits if one["process"] == LOAD and one["reason"] == "lock" and any(
                frame["function"].startswith(f"planted::{function}(") for frame in one["stack"])]
            ns, times = sum(int(one["ns"]) for one in found), sum(int(one["count"]) for one in found)
            print(f"{function}: {ns / 1e6:.3f} ms in {times} waits, truly {truth / 1e6:.3f} ms in {count}")
            self.assertEqual(times, count)
            self.assertAlmostEqual(ns, truth, delta=SHARE * truth + NS)

    def expect_closure(self, load, processes):
        (process,) = processes
        self.assertEqual(process["pid"], load.pid)
        explained = sum(int(part["ns"]) for part in process["reasons"])
        print(f"{explained / 1e9:.6f} s explained of {int(process['wall_ns']) / 1e9:.6f} s")
        self.assertGreaterEqual(int(process["wall_ns"]), load.least_wall_ns)
        self.assertAlmostEqual(explained, int(process["wall_ns"]), delta=0.005 * int(process["wall_ns"]))

    def test_from_now_on_and_back_from_now_exclude_each_other(self):
        done = sonde.agentctl(self.started.socket, "waits", "--since", "10s", "--duration", "5s")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--duration", done.stderr)


if __name__ == "__main__":
    unittest.main()
