"""Programs that do to their own memory what no decent program does: their time is counted, others' stacks stay whole."""

import shutil
import struct
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


class FilesThatParsersDieOf(sonde.SondeTest):
    """The worker has so little memory here that one large section is more than it can take."""
    WORKER_KIB = 100_000
    SECTION_BYTES = 120 << 20  # sparse; no more than what is read of call frame information

    def agent_with_a_small_worker(self):
        folder = self.folder / "bin"
        folder.mkdir()
        shutil.copy(sonde.AGENT, folder / "sonde-agent")
        worker = folder / "sonde-symbolizer"
        worker.write_text(f"#!/bin/sh\nulimit -v {self.WORKER_KIB}\nexec {sonde.AGENT.parent}/sonde-symbolizer\n")
        worker.chmod(0o755)
        return self.agent(self.collector().grpc, window="2s", program=folder / "sonde-agent")

    def greedy_program(self):
        """A program as it was, but for its section headers, which say that almost all of it is .eh_frame."""
        path = self.folder / "greedy"
        shutil.copy(sonde.WORKLOADS / DECENT, path)
        names = b"\0.eh_frame\0.shstrtab\0"
        with open(path, "r+b") as file:
            begin = file.seek(0, 2) + -file.seek(0, 2) % 64
            file.seek(begin + self.SECTION_BYTES)
            file.write(names)
            header = struct.Struct("<IIQQQQIIQQ")
            table = file.tell()
            file.write(header.pack(*[0] * 10))
            file.write(header.pack(1, 1, 2, 0x7000_0000, begin, self.SECTION_BYTES, 0, 0, 8, 0))
            file.write(header.pack(11, 3, 0, 0, begin + self.SECTION_BYTES, len(names), 0, 0, 1, 0))
            file.seek(0x28)
            file.write(struct.pack("<Q", table))
            file.seek(0x3c)
            file.write(struct.pack("<HH", 3, 2))
        return path

    @unittest.skipIf(b"__asan_init" in (sonde.AGENT.parent / "sonde-symbolizer").read_bytes(), "a sanitizer takes terabytes of addresses")
    def test_their_stacks_end_with_a_reason_and_others_are_whole(self):
        agent = self.agent_with_a_small_worker()
        self.keep(sonde.Program(self.folder, [self.greedy_program(), 20, 1000 * sonde.PATIENCE]))
        self.keep(sonde.Program(self.folder, [sonde.WORKLOADS / DECENT, 20, 1000 * sonde.PATIENCE]))
        sonde.wait_until(lambda: f"for the worker to be lost twice: {agent.status()['table_worker']}",
                         lambda: int(agent.status()["table_worker"]["deaths"]) >= 2)
        agent.wait_until_tables_are_built()
        path = self.folder / "profile.pb.gz"
        done = sonde.agentctl(agent.socket, "record", "--type", "cpu", "--duration", "2s", "-o", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        samples = pprof_file.decode(path.read_bytes()).samples
        greedy, decent = ([sample.stack for sample in samples if sample.labels.get("process") == name] for name in ("greedy", DECENT))
        self.assertTrue(greedy and decent, (len(greedy), len(decent)))
        self.assertEqual({stack[-1] for stack in greedy}, {"[stack cut: file could not be read]"})
        self.assertEqual([stack for stack in decent if stack[-1].startswith("[stack cut")], [])
        status = agent.status()
        print(status["table_worker"], status["losses"])
        self.assertEqual(int(status["table_worker"]["deaths"]), 2, "it is left alone")
        self.assertEqual([int(loss["count"]) for loss in status["losses"] if loss["cause"] == "table_worker_lost"], [2])
        self.assertEqual(status["problems"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
