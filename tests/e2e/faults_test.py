"""Page faults and the memory that they bring, in functions of known names, against what the kernel has counted for them.

Only some faults are walked, one of each block, and stand for the block (bpf/lib/fault_draw.bpf.h). What that may be wrong by
follows from the size of blocks and from who else faults within them, and from nothing else.
"""

import json
import math
import pathlib
import re
import subprocess
import time
import unittest

import known_loads
import pprof_file
import sonde_processes as sonde

PAGES = 12_000
ROUNDS = 3
WALKED_AT_A_SHARE = 64  # bpf/abi/tables.h
# What one fault brings at most: huge pages, and of files what is in the cache around it (fault_around_bytes).
FUNCTIONS = {"TouchPages": 4096, "TouchOtherPages": 4096, "ReadIntoPages": 4096, "TouchFile": 65536, "TouchHugePages": 2 << 20}
# Standard errors: once in a million and more for each figure.
SIGMAS = 5


def faults_of_host():
    return int(re.search(r"^pgfault (\d+)$", pathlib.Path("/proc/vmstat").read_text(), re.M)[1])


class Faults(sonde.SondeTest):
    def measure(self):
        """The profile of the load's whole life, and what the load says itself."""
        agent = self.agent(self.collector().grpc, window="5s")
        started, of_host = time.monotonic(), faults_of_host()
        load = known_loads.Load(self.folder, "planted_faults", self.folder, PAGES, ROUNDS, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        self.addCleanup(load.discard)
        self.assertEqual(load.process.stdout.readline(), b"ready\n")
        agent.wait_until_tables_are_built()
        at_begin = faults_of_host()
        load.process.stdin.write(b"g")
        load.process.stdin.flush()
        self.assertEqual(load.process.stdout.readline(), b"done\n")
        self.of_host_meanwhile = faults_of_host() - at_begin
        path, since = self.folder / "faults.pb.gz", math.ceil(time.monotonic() - started) + 1
        recorded = sonde.agentctl(agent.socket, "record", "--type", "faults", "--since", f"{since}s", "--pid", load.pid, "-o", path)
        self.assertEqual(recorded.returncode, 0, recorded.stderr)
        # Of the CPU where the load is, and of any slice, at most.
        self.block = 1 + (faults_of_host() - of_host) / WALKED_AT_A_SHARE
        self.status = agent.status()
        load.process.stdin.close()
        load.finish()
        load.process.stdout.close()
        return pprof_file.decode(path.read_bytes()), load.report

    def check(self, what, found, truth, error):
        print(f"{what}: found {found}, truth {truth}, standard error at most {error:.0f}")
        with self.subTest(what):
            self.assertLessEqual(abs(found - truth), SIGMAS * error)

    def variance(self, own):
        """Of `own` faults in ROUNDS runs. A block of p, q of them own, adds q (p - q): others are those of the host meanwhile,
        and at the two ends of each run."""
        others = self.of_host_meanwhile - self.planted + 2 * ROUNDS * self.block
        return self.block * min(own, others)

    def test_faults_and_growth_are_found_in_the_functions_that_cause_them(self):
        profile, truth = self.measure()
        self.assertEqual(profile.sample_types, [("faults", "count"), ("bytes", "bytes")])
        self.planted = sum(truth[f"{function} faults"] for function in FUNCTIONS)
        self.assertLessEqual(self.planted, self.of_host_meanwhile)
        tells_growth = not any("counts each as one page" in line for line in self.status.get("degraded", []))
        for function, most in FUNCTIONS.items():
            mine = [s for s in profile.samples if any(name.startswith(f"planted::{function}(") for name in s.stack)]
            own = truth[f"{function} faults"]
            error = math.sqrt(self.variance(own))
            self.check(f"{function}, faults", sum(s.values[0] for s in mine), own, error)
            if tells_growth:
                self.check(f"{function}, bytes", sum(s.values[1] for s in mine), truth[f"{function} bytes"], most * error)
        self.check("all faults of the program", sum(s.values[0] for s in profile.samples), truth["faults"],
                   math.sqrt(self.variance(truth["faults"])))
        self.assertGreaterEqual(int(self.status["faults"]), self.planted)


class Stored(sonde.SondeTest):
    def test_the_collector_has_the_kind_and_serves_it(self):
        collector = self.collector()
        agent = self.agent(collector.grpc, window="2s")
        sonde.wait_until("for a profile of faults", lambda: collector.series("faults"))
        profile = pprof_file.decode(collector.fetch("/pprof/faults"))
        self.assertEqual(profile.sample_types, [("faults", "count"), ("bytes", "bytes")])
        self.assertGreater(sum(s.values[0] for s in profile.samples), 0)
        top = json.loads(sonde.agentctl(agent.socket, "top", "--kind", "faults", "--once", "--interval", "2s", "-o", "json").stdout)
        self.assertGreater(int(top["total_count"]), 0)
        self.assertGreater(int(top["rows"][0]["self_bytes"]), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
