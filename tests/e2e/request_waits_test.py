"""Waits for a disk and major faults are joined to the request that ended them."""

import os
import pathlib
import subprocess
import unittest

import known_loads
from asking_disks import DiskTest, number
from block_trace import BlockTrace

COUNT = 200
PAGE = 4096
PAGES = 4096
SECONDS = 4
COMM_BYTES = 15
BESIDE_NS = 2_000  # a trace is in whole microseconds, at both ends


class MemoryGroup:
    """A control group with so little memory; None where there is none to be had."""

    @classmethod
    def made(cls, size):
        for root, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
            path = pathlib.Path(f"{root}/sonde-e2e-memory-{os.getpid()}")
            if os.path.exists(f"{root}/cgroup.procs"):
                path.mkdir()
                if (path / limit).exists():
                    (path / limit).write_text(str(size))
                    return cls(path)
                path.rmdir()
        return None

    def __init__(self, path):
        self.path = path

    def take(self, pid):
        (self.path / "cgroup.procs").write_text(str(pid))


class RequestWaits(DiskTest):
    group = None

    def measure(self, workload, *arguments):
        """(waits of the load, what the load says itself)."""
        agent = self.agent(self.collector().grpc, window="10s")
        load = known_loads.Load(self.folder, workload, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(load.discard)
        self.assertEqual(load.process.stdout.readline(), b"ready\n")
        agent.wait_until_tables_are_built()

        if self.group:
            self.group.take(load.process.pid)

        def run():
            trace = BlockTrace()
            try:
                load.process.stdin.write(b"g")
                load.process.stdin.flush()
                self.assertEqual(load.process.stdout.readline(), b"done\n")
            finally:
                self.traced = [(operation, ns) for comm, operation, ns in trace.stop() if comm == load.name[:COMM_BYTES]]

        self.reply = self.asked_while(agent, SECONDS, run, "waits", "--pid", str(load.process.pid))
        load.process.stdin.close()
        load.finish()
        load.process.stdout.close()
        return self.reply["waits"], load.report

    def joined(self, all_waits, function, reason):
        """(waits in `function` that ended, requests that ended them): all but a few are joined."""
        waits = [wait for wait in all_waits if wait["reason"] == reason
                 and any(frame["function"].startswith(f"planted::{function}(") for frame in wait["stack"])]
        requests = [one for wait in waits for one in wait.get("requests", [])]
        waited = sum(number(wait, "count") for wait in waits)
        ended = sum(number(one, "count") for one in requests)
        print(function, f"{ended} of {waited} joined, {self.hidden_wake_ups()} wake-ups hidden:", requests)
        self.assertLessEqual(ended, waited)
        self.assertGreaterEqual(ended, waited - max(0.01 * waited, self.hidden_wake_ups()))
        for one in requests:
            self.assertEqual(one["disk"], self.disk)
            self.assertEqual(number(one, "queue_ns") + number(one, "device_ns"), number(one, "request_ns"))
            self.assertGreater(number(one, "device_ns"), 0)
        return waited, requests

    def hidden_wake_ups(self):
        """Of the whole host: whose wake-up a kernel hid, nobody saw who did it."""
        return sum(number(loss, "count") for loss in self.reply.get("losses", []) if loss["cause"] == "wake_up_hidden")

    def test_a_wait_for_a_request_names_it_and_its_time(self):
        waits, truth = self.measure("planted_requests", self.disk_folder, COUNT)
        for function, operation in (("ReadPage", "read"), ("WritePage", "write")):
            with self.subTest(function):
                waited, requests = self.joined(waits, function, "disk")
                ended = sum(number(one, "count") for one in requests)
                self.assertGreater(waited, 0.5 * COUNT)
                self.assertEqual({one["operation"] for one in requests}, {operation})
                self.assertFalse(any(one.get("swap") for one in requests))
                self.assertEqual(sum(number(one, "bytes") for one in requests), ended * PAGE)
                # A request begins before its thread blocks, and ends a moment before that is woken.
                request_ns, waited_ns = (sum(number(one, field) for one in requests) for field in ("request_ns", "ns"))
                self.assertLessEqual(request_ns, truth[function])
                self.assertLessEqual(waited_ns, truth[function])
                if operation == "read":
                    self.expect_traced(request_ns, ended)

    def expect_traced(self, request_ns, ended):
        """So long as the kernel's own trace has the program's reads, whichever of them it is that no wait was joined to."""
        reads = sorted(ns for operation, ns in self.traced if operation.startswith("R"))
        print(f"{len(reads)} reads were traced, {sum(reads) / 1e6:.2f} ms in all; those of {ended} waits took {request_ns / 1e6:.2f} ms")
        self.assertGreaterEqual(len(reads), ended)
        beside_ns = ended * BESIDE_NS
        self.assertGreater(request_ns, 0.98 * sum(reads[:ended]) - beside_ns)
        self.assertLess(request_ns, 1.02 * sum(reads[-ended:]) + beside_ns)

    def test_major_faults_from_swap_are_told_from_those_of_files(self):
        swap = pathlib.Path(self.disk_folder) / "swap"
        with open(swap, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            os.posix_fallocate(file.fileno(), 0, 64 << 20)
        subprocess.run(["mkswap", swap], check=True, capture_output=True)
        allowed = subprocess.run(["swapon", "--priority", "32767", swap], capture_output=True, text=True)
        if allowed.returncode != 0:
            self.skipTest(f"no swap file here: {allowed.stderr.strip()}")
        self.addCleanup(subprocess.run, ["swapoff", swap], check=True)
        self.group = MemoryGroup.made(PAGES * PAGE // 2)
        if not self.group:
            self.skipTest("no control group of memory here")
        self.addCleanup(self.group.path.rmdir)
        waits, truth = self.measure("planted_swap", f"{self.disk_folder}/file", PAGES)
        for function, is_swap in (("TouchSwapped", True), ("TouchFile", False)):
            with self.subTest(function):
                self.assertGreater(truth[function], 0, "the kernel kept it in memory")
                waited, requests = self.joined(waits, function, "major-fault")
                print(f"{waited} waits in {truth[function]} major faults")
                reads = [one for one in requests if one["operation"] == "read"]
                alike = sum(number(one, "count") for one in reads if one.get("swap", False) == is_swap)
                self.assertGreater(alike, 0)
                # Within its limit the group may lose the program's own code to the file, or its stack to swap.
                self.assertGreaterEqual(alike, 0.9 * sum(number(one, "count") for one in reads))
                if is_swap:  # half of it at least was there, and is read with some of its neighbours
                    self.assertGreaterEqual(sum(number(one, "bytes") for one in reads if one.get("swap")), 0.25 * PAGES * PAGE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
