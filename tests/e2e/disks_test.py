"""Requests to a real disk: counts and bytes to the last one, latencies as the kernel's own books and the program have them."""

import subprocess
import unittest

import known_loads
import sonde_processes as sonde
from asking_disks import DiskTest, number

COUNT = 200
PAGE = 4096
SECONDS = 4


class Disks(DiskTest):
    def measure(self):
        """(what agentctl tells of the load's process, what the load says itself)."""
        agent = self.agent(self.collector().grpc, window="10s")
        load = known_loads.Load(self.folder, "planted_requests", self.disk_folder, COUNT, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        self.addCleanup(load.discard)
        self.assertEqual(load.process.stdout.readline(), b"ready\n")
        agent.wait_until_tables_are_built()

        def run():
            load.process.stdin.write(b"g")
            load.process.stdin.flush()
            self.assertEqual(load.process.stdout.readline(), b"done\n")

        reply = self.asked_while(agent, SECONDS, run)
        load.process.stdin.close()
        load.finish()
        load.process.stdout.close()
        return reply, load.report

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
        theirs = self.agree_with_the_kernels_books(reply)
        for direction in ("read", "write"):
            self.assertGreaterEqual(number(theirs[direction], "requests"), COUNT)


if __name__ == "__main__":
    unittest.main(verbosity=2)
