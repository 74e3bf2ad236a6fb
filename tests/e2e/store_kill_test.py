"""The collector is killed while it sums up old profiles, again and again: the store stays whole, and nothing is lost.

`store_kill_test.py --kills N CASE` kills N times instead of a few.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest

import pprof_file
import sonde_processes as sonde
from pprof_file import field

KILLS = 8
MINUTES, SERVICES = 600, 4


def label(name, value):
    return field(1, field(1, name) + field(2, value))


class StoreKilled(sonde.SondeTest):
    def old_store(self):
        """One that was filled hours ago, and the sum of all of its values."""
        begin_ns = (int(time.time()) - (MINUTES + 180) * 60) * 1_000_000_000
        message, total = [], 0
        for minute in range(MINUTES):
            for service in range(SERVICES):
                value = 1 + minute * SERVICES + service
                profile = pprof_file.wall_profile(begin_ns + minute * 60_000_000_000, 60_000_000_000, value, f"f{minute % 50}")
                message.append(field(1, label("__name__", "wall") + label("service_name", f"s{service}")
                                     + field(2, field(1, profile))))
                total += value
        file = self.folder / "message"
        file.write_bytes(b"".join(message))
        collector = self.collector()
        answer = subprocess.run([sonde.PUSH_TOOL, collector.grpc, "agent", "1", file], capture_output=True, text=True,
                                timeout=sonde.PATIENCE)
        self.assertEqual(answer.stdout.split()[0], "OK", answer.stdout)
        collector.stop()
        return collector.store, total

    def check(self, store):
        got = subprocess.run([sonde.COLLECTOR, "check", "--store", store], capture_output=True, text=True,
                             timeout=sonde.PATIENCE)
        self.assertEqual(got.returncode, 0, got.stdout + got.stderr)

    def total(self, store):
        return sum(profile.decoded().total() for profile in sonde.stored_profiles(store))

    def rows(self, store):
        return sonde.query_store(store, "SELECT count(*) FROM profile")[0][0]

    def test_while_it_sums_up(self):
        template, total = self.old_store()
        self.assertEqual(self.rows(template), MINUTES * SERVICES)
        store, before, kills_in_between = None, MINUTES * SERVICES, 0
        for number in range(int(os.environ.get("KILLS", KILLS))):
            if store is None:
                store, before = self.folder / f"store-{number}", MINUTES * SERVICES
                shutil.copytree(template, store)
            collector = sonde.Collector(self.folder, store=store)
            collector.wait_until_said("msg=ready")
            time.sleep(random.uniform(0, 0.1))
            collector.process.send_signal(signal.SIGKILL)
            collector.process.wait()
            rows = self.rows(store)
            self.check(store)
            self.assertEqual(self.total(store), total)
            kills_in_between += 0 < rows < before
            before = rows
            if rows < MINUTES * SERVICES / 9:  # it was through
                store = None
        store = store or template
        collector = sonde.Collector(self.folder, store=store)
        sonde.wait_until("for it to be through", lambda: self.rows(store) <= MINUTES * SERVICES / 10 + 2 * SERVICES)
        self.assertEqual(collector.stop(), 0)
        self.check(store)
        self.assertEqual(self.total(store), total)
        print(f"{kills_in_between} kills after some of it was done")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--kills"]:
        os.environ["KILLS"] = sys.argv[2]
        del sys.argv[1:3]
    unittest.main(verbosity=2)
