"""From the moment a profile is in the spool it arrives, once, whoever is killed and whenever."""

import os
import pathlib
import random
import re
import shutil
import signal
import time
import unittest

import sonde_processes as sonde
import spool_disk

FEEDER = sonde.BUILD / "bin/sonde_spool_feeder"
KILLS = 200
POWER_CUTS = 200


def sequences_in(profile_ids, instance):
    """Those of this run of an agent: an id is the run's UUID, with the number of part and type in one half and the sequence in the other."""
    first, second = (int(half, 16) for half in (instance.replace("-", "")[:16], instance.replace("-", "")[16:]))
    whole = f"{first ^ 1 << 8:016x}"
    return {int(one[16:], 16) ^ second for one in profile_ids if one[:16] == whole}


class SpoolTest(sonde.SondeTest):
    def setUp(self):
        super().setUp()
        self.spool = self.folder / "spool"

    def expect_each_once(self, collector, promised):
        """{instance: number}: all of these up to the number are stored, and each stored profile once."""
        requests = sonde.requests_of(collector.store)
        by_otlp = {name.removeprefix("otlp-") for name in requests if name.startswith("otlp-")}
        for instance, number in promised.items():
            stored = sequences_in(by_otlp, instance) if by_otlp else set(requests.get(instance, []))
            missing = set(range(1, number + 1)) - stored
            self.assertEqual(missing, set(), f"promised by {instance} and not delivered")
        rows = sonde.query_store(collector.store, "SELECT count(*), count(DISTINCT start_ns || hex(totals)) FROM profile")[0]
        self.assertEqual(rows, (sum(map(len, requests.values())),) * 2, "a profile was stored twice")


class FeederKilled(SpoolTest):
    def feeder(self, target, profiles, *more):
        # Its own log: lines that it wrote before it was killed are there.
        return self.keep(sonde.Program(self.folder, [FEEDER, self.spool, target, profiles, *more]))

    def promises(self, feeder, promised):
        for instance, number in re.findall(r"^promised (\S+) (\d+)$", feeder.said(), re.M):
            promised[instance] = int(number)

    def lost(self, feeder):
        return dict(re.findall(r"^lost (\S+) (\d+)$", feeder.said(), re.M))

    def drain(self, collector, by=""):
        """Sends what is left, and returns what the last run says was lost."""
        last = self.feeder(by + collector.grpc, 0)
        self.assertEqual(last.wait(), 0, last.said())
        self.assertRegex(last.said(), r"(?m)^done ")
        return self.lost(last)

    def test_at_random_instants_by_otlp(self):
        self.test_at_random_instants(by="otlp:", kills=40)

    def test_at_random_instants(self, by="", kills=KILLS):
        """A real process that writes and sends, and a real collector which is killed now and then itself."""
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        chance = random.Random(seed)
        collector = self.collector()
        promised, gaps, mid_write = {}, 0, 0
        for kill in range(kills):
            if kill % 20 == 10:
                # Down for a few runs: what these spool is sent later, under their own names.
                self.assertEqual(collector.stop(signal.SIGKILL), -signal.SIGKILL)
            if kill % 20 == 14:
                collector = self.collector(store=collector.store, grpc_port=collector.grpc_port,
                                           http_port=collector.http_port)
            feeder = self.feeder(by + collector.grpc, 1_000_000)
            if kill % 2:
                feeder.wait_until_said("promised")  # however slow the machine is
            time.sleep(chance.uniform(0, 0.12))
            feeder.stop(signal.SIGKILL)
            before = len(promised)
            self.promises(feeder, promised)
            mid_write += len(promised) > before
            self.assertNotIn("damaged", feeder.said())
        self.assertGreater(mid_write, kills // 3, "too few lived long enough to promise anything")
        lost = self.drain(collector, by)
        self.assertEqual(set(lost) - {"gap_after_restart"}, set(), lost)
        print(f"{kills} kills, {mid_write} of them after a promise; {sum(promised.values())} profiles promised")
        self.expect_each_once(collector, promised)
        self.assertEqual(self.drain(collector, by), {}, "the end before was orderly")
        self.assertEqual([p.name for p in self.spool.iterdir() if p.suffix == ".spool"], [])

    def calls(self, **more):
        """The environment that has disk_calls.c look at the spool."""
        return {**os.environ, "LD_PRELOAD": str(sonde.BUILD / "lib/libsonde_disk_calls.so"),
                "SONDE_DISK_CALLS_BELOW": str(self.spool), **more}

    def test_at_every_call_that_touches_the_disk(self):
        """As the first of a run, the second, and so on, until a run ends by itself."""
        collector = self.collector()
        collector.stop()  # the spool knows its target by the address, and nothing is settled meanwhile
        promised, ended, at = {}, False, 0
        while not ended:
            at += 1
            feeder = self.keep(sonde.Program(self.folder, [FEEDER, self.spool, collector.grpc, 20, 9_000, 65_536],
                                             environment=self.calls(SONDE_KILL_AT=str(at))))
            ended = feeder.wait() == 0
            self.promises(feeder, promised)
            self.assertNotIn("damaged", feeder.said())
        self.assertGreater(at, 30, "the spool did not look at the disk")
        collector = self.collector(store=collector.store, grpc_port=collector.grpc_port, http_port=collector.http_port)
        lost = self.drain(collector)
        self.assertEqual(set(lost) - {"gap_after_restart"}, set(), lost)
        print(f"killed at each of {at - 1} calls; {sum(promised.values())} profiles promised")
        self.expect_each_once(collector, promised)

    def test_where_the_power_is_cut(self):
        """At any call what was synced stays, and what was not may be there in part (spool_disk.py): the next start has all that
        was promised, and needs nobody's help."""
        log, target = self.folder / "calls", f"127.0.0.1:{sonde.free_port()}"
        feeder = self.keep(sonde.Program(self.folder, [FEEDER, self.spool, target, 60, 9_000, 131_072],
                                         environment=self.calls(SONDE_DISK_CALLS_LOG=str(log))))
        self.assertEqual(feeder.wait(), 0, feeder.said())
        calls = spool_disk.read_calls(log)
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        cuts = sorted(chance.randrange(len(calls)) for _ in range(POWER_CUTS))
        disk, promised, reached, torn = spool_disk.Disk(), 0, 0, 0
        for cut in cuts:
            for call in calls[reached:cut]:
                said = re.search(r"^promised \S+ (\d+)$", call.bytes.decode(), re.M) if call.what == "P" else None
                promised = int(said[1]) if said else promised
                disk.take(call)
            reached = cut
            shutil.rmtree(self.spool)
            self.spool.mkdir(mode=0o700)
            for name, content in disk.after_a_cut(chance).items():
                (self.spool / name).write_bytes(content)
                (self.spool / name).chmod(0o600)
            last = self.keep(sonde.Program(self.folder, [FEEDER, self.spool, target, "taken"]))
            self.assertEqual(last.wait(), 0, last.said())
            given = {int(number) for number in re.findall(r"^has \S+ (\d+)$", last.said(), re.M)}
            missing = set(range(1, promised + 1)) - given
            self.assertEqual(missing, set(), f"seed {seed}, cut before call {cut} of {len(calls)}: {last.said()}")
            torn += len(given) < 60
        self.assertGreater(torn, POWER_CUTS // 4, "the cuts took nothing away")
        print(f"seed {seed}: {POWER_CUTS} cuts among {len(calls)} calls, {torn} of which took something that was not promised")

    def test_memory_with_a_target_that_is_down(self):
        """An hour of windows, 60 of 100 profiles of 10 kB, for a target that nobody is."""
        feeder = self.feeder(f"127.0.0.1:{sonde.free_port()}", 6000, 13_000)
        peak = 0
        while feeder.process.poll() is None:
            found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{feeder.pid}/status").read_text())
            peak = max(peak, int(found[1]) if found else 0)
            time.sleep(0.05)
        self.assertEqual(feeder.wait(), 0, feeder.said())
        on_disk = sum(p.stat().st_size for p in self.spool.iterdir() if p.suffix == ".spool")
        print(f"peak of memory {peak / 1024:.1f} MiB with {on_disk / 2**20:.1f} MiB spooled: {feeder.said().splitlines()[-1]}")
        self.assertGreater(on_disk, 40 << 20)
        # What does not depend on the spool's size: the program and gRPC; and 32 bytes a record.
        self.assertLess(peak, 64 << 10)

    def test_two_with_one_spool(self):
        first = self.feeder(f"127.0.0.1:{sonde.free_port()}", 1_000_000)
        first.wait_until_said("promised")
        second = self.feeder("127.0.0.1:1", 1)
        self.assertEqual(second.wait(), 1)
        self.assertIn(f"in use by another agent, pid {first.pid}", second.said())
        first.assert_alive()


class AgentKilled(SpoolTest):
    def test_agent_killed_while_the_collector_is_down(self):
        port = sonde.free_port()
        flags = ("--spool", self.spool)
        first = self.agent(f"127.0.0.1:{port}", flags=flags)
        sonde.wait_until("for windows to pile up", lambda: int(first.status()["spool"]["records"]) >= 8)
        spool = first.status()["spool"]
        self.assertEqual(spool["directory"], str(self.spool))
        self.assertGreater(int(spool["bytes"]), 0)
        self.assertGreater(int(spool["oldest_age_ns"]), 0)
        self.assertEqual(spool["trouble"], "")
        text = sonde.agentctl(first.socket, "status").stdout
        self.assertRegex(text, rf"(?s)Spool\n.*on disk .* in {re.escape(str(self.spool))}; .* profiles\n.*oldest that waits")
        records = int(first.status()["spool"]["records"])
        self.assertEqual(first.stop(signal.SIGKILL), -signal.SIGKILL)
        collector = self.collector(grpc_port=port)
        second = self.agent(collector.grpc, flags=flags, socket_path=first.socket)
        sonde.wait_until("for what the first left", lambda: len(sonde.requests_of(collector.store)) == 2)
        sonde.wait_until("for all to be sent", lambda: second.target()["waiting"] == 0)
        losses = {loss["cause"]: loss for loss in second.status()["losses"]}
        self.assertIn("gap_after_restart", losses)
        self.assertRegex(losses["gap_after_restart"]["consequence"], r"after \d{4}-\d\d-\d\dT.*Z")
        self.assertEqual(second.stop(), 0, second.said())
        requests = sonde.requests_of(collector.store)
        for numbers in requests.values():
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertGreaterEqual(max(map(len, requests.values())), records)
        self.assertEqual(len(collector.profiles()), sum(map(len, requests.values())), "an agent pushes one profile a request")

    def test_a_folder_that_is_not_ours_alone(self):
        self.spool.mkdir(mode=0o755)
        agent = self.keep(sonde.Agent(self.folder, "127.0.0.1:1", flags=("--spool", self.spool)))
        self.assertEqual(agent.wait(), 78, agent.said())
        self.assertIn("chmod 0700", agent.said())


if __name__ == "__main__":
    unittest.main(verbosity=2)
