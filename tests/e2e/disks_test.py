"""Requests to a real disk: counts and bytes to the last one, latencies as the kernel's own books and the program have them.

A kernel that hides threads from BPF hides interrupts too that come while one of them runs, and with them the end of a request
now and then. Such requests are missing, and are to be told as lost: all but these must be there.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import known_loads
import sonde_processes as sonde

COUNT = 200
PAGE = 4096
SECONDS = 4


def disk_of(folder):
    """The name of the whole disk that holds `folder`; None where that is no disk."""
    number = os.stat(folder).st_dev
    path = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not path.exists():
        return None
    path = path.resolve()
    return (path.parent if (path / "partition").exists() else path).name


def counted(disk):
    """What the kernel has counted of the disk: reads, their sectors, writes, their sectors."""
    for line in pathlib.Path("/proc/diskstats").read_text().splitlines():
        words = line.split()
        if words[2] == disk:
            return [int(words[at]) for at in (3, 5, 7, 9)]
    raise AssertionError(f"{disk} is not in /proc/diskstats")


def number(message, key):
    return int(message.get(key, 0))


class Disks(sonde.SondeTest):
    def setUp(self):
        super().setUp()
        self.disk_folder = self.enterContext(tempfile.TemporaryDirectory(prefix="sonde-e2e-", dir="/var/tmp"))
        self.disk = disk_of(self.disk_folder)
        if not self.disk:
            self.skipTest(f"{self.disk_folder} lies on no block device")

    def measure(self):
        """(what agentctl tells of the load's process, what the load says itself, its pid)."""
        agent = self.agent(self.collector().grpc, window="10s")
        load = known_loads.Load(self.folder, "planted_requests", self.disk_folder, COUNT, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        self.addCleanup(load.discard)
        self.assertEqual(load.process.stdout.readline(), b"ready\n")
        agent.wait_until_tables_are_built()
        before = counted(self.disk)
        answer = self.folder / "disks.json"
        with open(answer, "w") as file:
            asking = subprocess.Popen([sonde.AGENTCTL, "--socket", agent.socket, "disks", "--duration", f"{SECONDS}s",
                                       "--limit", "1000", "-o", "json"], stdout=file)
        self.addCleanup(asking.kill)
        sonde.wait_until("for the hooks", lambda: self.watches(agent))
        load.process.stdin.write(b"g")
        load.process.stdin.flush()
        self.assertEqual(load.process.stdout.readline(), b"done\n")
        self.assertIsNone(asking.poll(), "the load outlived the measurement: the machine is too busy")
        self.assertEqual(asking.wait(), 0)
        self.between = [after - first for after, first in zip(counted(self.disk), before)]
        self.assertFalse(self.watches(agent), "the hooks stay when nobody asks any more")
        load.process.stdin.close()
        load.finish()
        load.process.stdout.close()
        return json.loads(answer.read_text()), load.report

    @staticmethod
    def watches(agent):
        """Whether the agent's hooks on requests are attached."""
        links = [int(number) for kind, number in agent.bpf_objects() if kind == "link"]
        programs = {int(number) for kind, number in agent.bpf_objects() if kind == "prog"}
        for link in links:
            shown = subprocess.run(["bpftool", "-j", "link", "show", "id", str(link)], capture_output=True, text=True).stdout
            program = json.loads(shown or "{}").get("prog_id")
            if program in programs and b"on_complete" in subprocess.run(
                    ["bpftool", "prog", "show", "id", str(program)], capture_output=True).stdout:
                return True
        return False

    def rows_of(self, reply, function):
        return [row for row in reply["requests"] if row.get("process") == "planted_requests" and row["disk"] == self.disk
                and any(frame["function"].startswith(f"planted::{function}(") for frame in row["stack"])]

    def test_requests_are_counted_to_the_last_one_and_named(self):
        reply, truth = self.measure()
        hidden = self.hidden(reply)
        # Of the whole host, which writes too: as long as most of these are seen, what is missing is bounded by what is told.
        self.assertLess(hidden, 0.5 * COUNT)
        # Of writes through the cache those of the file itself: a file system writes its own books there too.
        cases = (("ReadPage", "read", PAGE, ""), ("WritePage", "write", PAGE, ""),
                 ("MakePageDurable", "write", PAGE, "do_writepages"), ("MakePageDurable", "flush", 0, ""))
        for function, operation, size, through in cases:
            rows = [row for row in self.rows_of(reply, function) if row["operation"] == operation
                    and (not through or any(frame["function"] == through for frame in row["stack"]))]
            with self.subTest(function, operation=operation):
                print(function, operation, [{key: value for key, value in row.items() if key != "stack"} for row in rows])
                found = sum(number(row, "count") for row in rows)
                self.assertLessEqual(found, COUNT)
                self.assertGreaterEqual(found, COUNT - hidden)
                self.assertEqual(sum(number(row, "bytes") for row in rows), found * size)
                for row in rows:
                    self.assertTrue(row["is_sync"])
                    self.assertLessEqual(number(row, "p50_ns"), number(row, "longest_ns"))
                    self.assertLessEqual(number(row, "longest_ns"), truth[f"{function} longest"])
                    if size:
                        self.assertEqual(number(row, "queue_ns") + number(row, "device_ns"), number(row, "ns"))
        for function in ("ReadPage", "WritePage", "MakePageDurable"):
            ns = sum(number(row, "ns") for row in self.rows_of(reply, function))
            print(f"{function}: requests {ns / 1e6:.3f} ms, calls {truth[function] / 1e6:.3f} ms,"
                  f" blocked {truth[f'{function} blocked'] / 1e6:.3f} ms")
            # A request begins before its thread blocks and ends before that is woken.
            self.assertLessEqual(ns, truth[function])
            self.assertGreater(ns, (0.9 - hidden / COUNT) * truth[f"{function} blocked"])
        self.agree_with_the_kernels_books(reply)

    @staticmethod
    def hidden(reply):
        return sum(number(loss, "count") for loss in reply.get("losses", []) if loss["cause"] == "request_hidden")

    def agree_with_the_kernels_books(self, reply):
        hidden = self.hidden(reply)
        (disk,) = [one for one in reply["disks"] if one["name"] == self.disk]
        for direction, requests, sectors in (("read", self.between[0], self.between[1]), ("write", self.between[2], self.between[3])):
            theirs, ours = disk[direction], disk[f"seen_{direction}"]
            print(f"{direction}: the kernel counts {theirs}, seen {ours}")
            self.assertGreaterEqual(requests, number(theirs, "requests"))
            self.assertGreaterEqual(512 * sectors, number(theirs, "bytes"))
            self.assertGreaterEqual(number(theirs, "requests"), COUNT)
            # Both are read within microseconds of each other: one request may end between.
            self.assertAlmostEqual(number(ours, "requests"), number(theirs, "requests"), delta=1 + hidden)
            self.assertLessEqual(number(ours, "bytes"), number(theirs, "bytes") + (2 << 20))
            allowed = 0.01 * number(theirs, "ns") + 1e6  # their sums are cut to milliseconds
            self.assertLessEqual(number(ours, "ns"), number(theirs, "ns") + allowed)
            if not hidden:  # how long these took nobody knows
                self.assertGreaterEqual(number(ours, "ns"), number(theirs, "ns") - allowed)


if __name__ == "__main__":
    unittest.main(verbosity=2)
