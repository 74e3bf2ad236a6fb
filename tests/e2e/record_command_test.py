"""agentctl record -- COMMAND must have what the command and its children did, all of it and nothing else."""

import glob
import subprocess
import unittest

import pprof_file
import sonde_processes as sonde

LOAD = sonde.WORKLOADS / "planted_now"
RUNS, SECONDS = 2, 1
NS = 1_000_000_000


def slept_ns(path):
    """By which processes, in planted::SleepOn."""
    profile = pprof_file.decode(path.read_bytes())
    found = {}
    for sample in profile.samples:
        if any(name.startswith("planted::SleepOn(") for name in sample.stack):
            process = sample.labels["process"]
            found[process] = found.get(process, 0) + sample.values[-1]
    return found, {sample.labels["process"] for sample in profile.samples}


class RecordCommand(sonde.SondeTest):
    def record(self, socket, path, *command):
        done = sonde.agentctl(socket, "record", "--type", "offcpu", "-o", path, "--", *command)
        print(done.stdout, done.stderr)
        return done

    def script(self):
        """Children of a child, one after the other, each in a shell of its own that is gone at once."""
        once = f"sh -c 'sh -c \"exec {LOAD} {self.folder}/report {SECONDS}\"'"
        return ["sh", "-c", f"for i in $(seq {RUNS}); do {once} || exit 9; done; echo said; exit 7"]

    def expect_sleep(self, path):
        slept, processes = slept_ns(path)
        self.assertEqual(set(slept), {"planted_now"})
        self.assertLessEqual(processes, {"planted_now", "sh", "seq", "dash"})
        # The main thread sleeps to the end, another from a third of a second on; both wake on time or late, never early.
        self.assertGreater(slept["planted_now"], 0.5 * RUNS * SECONDS * NS)
        self.assertLess(slept["planted_now"], 2 * RUNS * SECONDS * NS)

    def test_a_command_and_its_children_are_recorded_and_nobody_else(self):
        agent = self.agent("", window="10s")
        self.keep(sonde.Program(self.folder, [LOAD, self.folder / "warm", "0.1"])).wait()
        agent.wait_until_tables_are_built()
        self.keep(sonde.Program(self.folder, [LOAD, self.folder / "other", sonde.PATIENCE]))  # sleeps too, and is not of it
        path = self.folder / "command.pb.gz"
        done = self.record(agent.socket, path, *self.script())
        self.assertEqual((done.returncode, done.stdout), (7, "said\n"))
        self.expect_sleep(path)
        self.assertEqual(self.record(agent.socket, path, "/nowhere/at-all").returncode, 127)
        self.assertEqual(self.record(agent.socket, path, "sh", "-c", "sleep 0.1; kill -TERM $$").returncode, 128 + 15)

    def test_root_needs_no_running_agent(self):
        before = set(glob.glob("/tmp/sonde-record-*"))
        path = self.folder / "command.pb.gz"
        done = self.record(self.folder / "nobody.sock", path, *self.script())
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn("one is started for this recording", done.stderr)
        self.expect_sleep(path)
        self.assertEqual(set(glob.glob("/tmp/sonde-record-*")) - before, set())
        running = subprocess.run(["pgrep", "-af", "sonde-agent.*sonde-record-"], capture_output=True, text=True).stdout
        self.assertNotIn("agent.yaml", running)


if __name__ == "__main__":
    unittest.main()
