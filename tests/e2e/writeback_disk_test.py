"""What the kernel writes back later: told for who wrote it into the cache, where the kernel says so, and else for nobody."""

import subprocess
import unittest

import known_loads
from asking_disks import DiskTest, number

MIB = 1 << 20
SECONDS = 4
LARGEST_REQUEST = 4 * MIB


class Writeback(DiskTest):
    def setUp(self):
        super().setUp()
        self.agent_of_test = self.agent(self.collector().grpc, window="10s")
        self.syncer = self.writer("nothing", 0)
        self.order(self.syncer, b"f")  # what others left behind

    def writer(self, file, size):
        load = known_loads.Load(self.folder, "planted_writers", f"{self.disk_folder}/{file}", size, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        self.addCleanup(load.discard)
        self.addCleanup(load.process.stdout.close)
        self.addCleanup(load.process.stdin.close)
        self.assertEqual(load.process.stdout.readline(), b"ready\n")
        return load

    def order(self, load, what):
        load.process.stdin.write(what)
        load.process.stdin.flush()
        self.assertEqual(load.process.stdout.readline(), b"done\n")

    def ask_while(self, run):
        self.agent_of_test.wait_until_tables_are_built()
        self.reply = self.asked_while(self.agent_of_test, SECONDS, run)
        self.missing = LARGEST_REQUEST * self.hidden(self.reply)
        self.agree_with_the_kernels_books(self.reply)

    def bytes_of(self, whose, function=None):
        """Written back for `whose` to the disk of the test; dirtied in `function`."""
        rows = [row for row in self.reply["requests"] if row["disk"] == self.disk and row.get("written_back_of") == whose
                and (not function or any(frame["function"].startswith(f"planted::{function}(") for frame in row["stack"]))]
        for row in rows:
            print(whose, function, {key: value for key, value in row.items() if key != "stack"})
            self.assertEqual(row["operation"], "write")
            if function:
                self.assertEqual(row["process"], "planted_writers")
        return sum(number(row, "bytes") for row in rows)

    def test_who_wrote_is_told_to_the_last_byte_also_when_it_is_gone(self):
        cache, mapping = self.writer("cache", 8 * MIB), self.writer("mapping", 4 * MIB)

        def run():
            self.order(cache, b"w")
            self.order(mapping, b"m")
            mapping.process.stdin.close()
            mapping.finish()
            self.order(self.syncer, b"f")

        self.ask_while(run)
        for function, size in (("WriteIntoCache", 8 * MIB), ("WriteThroughMapping", 4 * MIB)):
            with self.subTest(function):
                told = self.bytes_of("process", function)
                self.assertLessEqual(told, size)
                self.assertGreaterEqual(told, size - self.missing)

    def test_requests_with_pages_of_several_processes_are_of_none(self):
        every, second = self.writer("shared", 4 * MIB), self.writer("shared", 4 * MIB)

        def run():
            self.order(second, b"s")
            self.order(every, b"w")
            self.order(self.syncer, b"f")

        self.ask_while(run)
        alone = self.bytes_of("process", "WriteIntoCache") + self.bytes_of("process", "WriteEverySecondPage")
        # Only a request of one page could be of one.
        self.assertLessEqual(alone, 0.1 * 4 * MIB)
        self.assertGreaterEqual(self.bytes_of("several") + alone, 4 * MIB - self.missing)

    def test_what_was_written_before_anybody_asked_is_of_nobody(self):
        before = self.writer("before", 4 * MIB)
        self.order(before, b"w")
        self.ask_while(lambda: self.order(self.syncer, b"f"))
        self.assertEqual(self.bytes_of("process", "WriteIntoCache"), 0)
        self.assertGreaterEqual(self.bytes_of("unknown"), 4 * MIB - self.missing)


if __name__ == "__main__":
    unittest.main(verbosity=2)
