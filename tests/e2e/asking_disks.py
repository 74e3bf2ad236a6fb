"""Asking agentctl about the disks while a load does known things to one.

A kernel that hides threads from BPF hides interrupts too that come while one of them runs, and with them the end of a request
now and then. Such requests are missing, and are to be told as lost: all but these must be there.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile

import sonde_processes as sonde


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


class DiskTest(sonde.SondeTest):
    def setUp(self):
        super().setUp()
        self.disk_folder = self.enterContext(tempfile.TemporaryDirectory(prefix="sonde-e2e-", dir="/var/tmp"))
        self.disk = disk_of(self.disk_folder)
        if not self.disk:
            self.skipTest(f"{self.disk_folder} lies on no block device")

    def asked_while(self, agent, seconds, load, verb="disks", *more):
        """What agentctl tells of the disks in so many seconds, in which `load` runs once the hooks are there."""
        before = counted(self.disk)
        answer = self.folder / "disks.json"
        with open(answer, "w") as file:
            asking = subprocess.Popen([sonde.AGENTCTL, "--socket", agent.socket, verb, "--duration", f"{seconds}s",
                                       "--limit", "1000", "-o", "json", *more], stdout=file)
        self.addCleanup(asking.kill)
        sonde.wait_until("for the hooks", lambda: self.watches(agent))
        load()
        self.assertIsNone(asking.poll(), "the load outlived the measurement: the machine is too busy")
        self.assertEqual(asking.wait(), 0)
        self.between = [after - first for after, first in zip(counted(self.disk), before)]
        sonde.wait_until("for the hooks to go when nobody asks any more", lambda: not self.watches(agent))
        return json.loads(answer.read_text())

    @staticmethod
    def watches(agent):
        """Whether the agent's hooks on requests are attached."""
        links = [int(number) for kind, number in agent.bpf_objects() if kind == "link"]
        programs = {int(number) for kind, number in agent.bpf_objects() if kind == "prog"}
        for link in links:
            shown = subprocess.run(["bpftool", "-j", "link", "show", "id", str(link)], capture_output=True, text=True).stdout
            program = json.loads(shown or "{}").get("prog_id")
            shown = subprocess.run(["bpftool", "prog", "show", "id", str(program)], capture_output=True).stdout
            if program in programs and re.search(rb"\b(on|join)_complete\b", shown):
                return True
        return False

    @staticmethod
    def hidden(reply):
        return sum(number(loss, "count") for loss in reply.get("losses", []) if loss["cause"] == "request_hidden")

    def agree_with_the_kernels_books(self, reply):
        """Gives what the kernel itself counts of the disk."""
        hidden = self.hidden(reply)
        (disk,) = [one for one in reply["disks"] if one["name"] == self.disk]
        for direction, requests, sectors in (("read", self.between[0], self.between[1]), ("write", self.between[2], self.between[3])):
            theirs, ours = disk[direction], disk[f"seen_{direction}"]
            print(f"{direction}: the kernel counts {theirs}, seen {ours}")
            self.assertGreaterEqual(requests, number(theirs, "requests"))
            self.assertGreaterEqual(512 * sectors, number(theirs, "bytes"))
            # Both are read within microseconds of each other: one request may end between.
            self.assertAlmostEqual(number(ours, "requests"), number(theirs, "requests"), delta=1 + hidden)
            self.assertLessEqual(number(ours, "bytes"), number(theirs, "bytes") + (2 << 20))
            allowed = 0.01 * number(theirs, "ns") + 1e6  # their sums are cut to milliseconds
            self.assertLessEqual(number(ours, "ns"), number(theirs, "ns") + allowed)
            if not hidden:  # how long these took nobody knows
                self.assertGreaterEqual(number(ours, "ns"), number(theirs, "ns") - allowed)
        return disk
