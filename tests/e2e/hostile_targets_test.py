"""Programs that do to their own memory what no decent program does: their time is counted, others' stacks stay whole."""

import shutil
import time
import unittest

import pprof_file
import sonde_processes as sonde

SECONDS = 6
MOST_MISSED = 0.25  # of a CPU's time: the load shares two CPUs with everything else
DECENT = "deep_spinner"


class HostileTargets(sonde.SondeTest):
    def watch(self, how):
        """On-CPU samples of the hostile program and of a decent one beside it, and the agent's state afterwards."""
        agent = self.agent(self.collector().grpc, window="10s")
        program = self.folder / "hostile"
        shutil.copy(sonde.WORKLOADS / "hostile", program)
        target = self.keep(sonde.Program(self.folder, [program, how]))
        self.keep(sonde.Program(self.folder, [sonde.WORKLOADS / DECENT, 20, 1000 * sonde.PATIENCE]))
        time.sleep(1)
        agent.wait_until_tables_are_built()
        path = self.folder / "profile.pb.gz"
        done = sonde.agentctl(agent.socket, "record", "--type", "cpu", "--duration", f"{SECONDS}s", "-o", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        target.assert_alive()
        agent.assert_alive()
        samples = pprof_file.decode(path.read_bytes()).samples
        by_process = {name: [sample for sample in samples if sample.labels.get("process") == name] for name in ("hostile", DECENT)}
        self.assert_decent_is_whole(by_process[DECENT])
        status = agent.status()
        self.assertEqual(status["problems"], [])
        return by_process["hostile"], status

    def assert_decent_is_whole(self, samples):
        self.assertGreater(sum(sample.value for sample in samples) / 1e9, SECONDS * MOST_MISSED)
        cut = [sample.stack for sample in samples if sample.stack[-1].startswith("[stack cut")]
        self.assertEqual(cut, [], "stacks of a decent program are cut")

    def assert_counted(self, samples):
        self.assertGreater(sum(sample.value for sample in samples) / 1e9, SECONDS * MOST_MISSED)

    def test_overwritten_stacks_are_cut_and_say_why(self):
        samples, _ = self.watch("scribbles")
        self.assert_counted(samples)
        ends = {sample.stack[-1] for sample in samples}
        print("stacks end with", ends)
        self.assertTrue(any(end.startswith("[stack cut: ") for end in ends), ends)
        # Where the program is does not lie in the stack.
        leaves = {sample.stack[0] for sample in samples}
        self.assertTrue(any("spin" in leaf or "scribble" in leaf for leaf in leaves), leaves)

    def test_mappings_may_change_at_any_time(self):
        samples, status = self.watch("remaps")
        self.assert_counted(samples)
        print("losses:", status["losses"])

    def test_a_name_that_became_a_fifo_holds_nobody_up(self):
        samples, _ = self.watch("replaced")
        self.assert_counted(samples)
        self.assertTrue(any("spin" in name for sample in samples for name in sample.stack), samples[0].stack)


if __name__ == "__main__":
    unittest.main(verbosity=2)
