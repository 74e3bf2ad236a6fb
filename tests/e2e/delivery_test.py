"""Nothing that was promised is lost or counted twice, whoever is stopped or killed, and whenever."""

import os
import signal
import time
import unittest

import sonde_processes as sonde

# Windows of two seconds are cut on the clock's even seconds. What two neighbours tell of one instant may differ by as
# long as a thread can be kept from a CPU between two readings of the clock.
WINDOW_NS = 2_000_000_000
SAME_INSTANT_NS = 250_000_000

MOST_KILLS = 20


class DeliveryTest(sonde.SondeTest):
    def expect_each_once(self, store, instances=1):
        """Each request stored once, in order, with none missing: the numbers of every agent run from 1 without gap."""
        requests = sonde.requests_of(store)
        self.assertEqual(len(requests), instances)
        for numbers in requests.values():
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        profiles = sonde.stored_profiles(store)
        self.assertEqual(len(profiles), sum(map(len, requests.values())), "an agent pushes one profile a request")
        twice = [row for row in sonde.query_store(
            store, "SELECT kind, labels, start_ns, count(*) FROM profile JOIN series ON series.id = series_id"
                   " GROUP BY 1, 2, 3 HAVING count(*) > 1")]
        self.assertEqual(twice, [])
        return profiles

    def expect_gapless(self, profiles):
        """The windows follow each other on the clock, and came in that order."""
        starts = [profile.start_ns for profile in profiles]
        self.assertEqual(starts, sorted(starts), "older windows came later")
        windows = sorted({(profile.start_ns, profile.end_ns) for profile in profiles})
        self.assertEqual(len({start for start, _ in windows}), len(windows))
        for (_, end), (start, _) in zip(windows, windows[1:]):
            self.assertLess(abs(start - end), SAME_INSTANT_NS, f"windows: {windows}")
        return windows

    def expect_all_sent(self, agent):
        """How many profiles the agent says were taken, once none waits."""
        sonde.wait_until(lambda: f"for the agent to be rid of its profiles: {agent.target()}",
                         lambda: agent.target()["waiting"] == 0)
        target = agent.target()
        self.assertEqual(target["dropped"], 0)
        return target["sent"]


class AgentStops(DeliveryTest):
    def test_sigterm_in_mid_window(self):
        collector = self.collector()
        # Windows are aligned to the wall clock: none may end meanwhile.
        rest = 600 - time.time() % 600
        if rest < 30:
            time.sleep(rest)
        agent = self.agent(collector.grpc, window="10m")
        objects = agent.bpf_objects()
        self.assertEqual(sonde.still_loaded(objects), objects)
        time.sleep(3)
        stopped_ns = time.time_ns()
        self.assertEqual(agent.stop(), 0, agent.said())
        self.assert_unloaded(objects)
        self.assertFalse(os.path.exists(agent.socket))
        profiles = self.expect_each_once(collector.store)
        self.assertEqual({profile.kind for profile in profiles}, {"cpu", "offcpu", "wall", "faults", "wait_lengths"})
        ends = max(profile.end_ns for profile in profiles)
        self.assertGreater(ends, stopped_ns - SAME_INSTANT_NS, "the last moments before the stop are missing")
        self.assertGreater(min(profile.end_ns - profile.start_ns for profile in profiles), 3 * 10**9 - SAME_INSTANT_NS)

    def test_sigkill(self):
        collector = self.collector()
        first = self.agent(collector.grpc)
        objects = first.bpf_objects()
        sonde.wait_until("for profiles", lambda: first.target()["sent"] > 0)
        self.assertEqual(first.stop(signal.SIGKILL), -signal.SIGKILL)
        self.assert_unloaded(objects)
        self.assertTrue(os.path.exists(first.socket), "nobody could remove it")
        self.assertEqual(sonde.agentctl(first.socket, "status").returncode, 3)
        self.assertEqual(collector.get("/readyz")[0], 200)
        before = len(collector.profiles())
        second = self.agent(collector.grpc, socket_path=first.socket)
        sonde.wait_until("for profiles of the second agent", lambda: second.target()["sent"] > 0)
        self.assertEqual(second.stop(), 0, second.said())
        self.assertGreater(len(self.expect_each_once(collector.store, instances=2)), before)


class CollectorStops(DeliveryTest):
    def count_requests(self, store):
        return sonde.query_store(store, "SELECT count(*) FROM request")[0][0]

    def test_sigkill_in_the_middle_of_pushes(self):
        collector = self.collector()
        agent = self.agent(collector.grpc)
        hits = 0
        for _ in range(MOST_KILLS):
            stored = self.count_requests(collector.store)
            # No pause: a window's burst takes a few milliseconds a profile.
            sonde.wait_until("for a push", lambda: self.count_requests(collector.store) > stored, pause=0)
            self.assertEqual(collector.stop(signal.SIGKILL), -signal.SIGKILL)
            target = agent.target()
            acknowledged = target["sent"]
            print(f"killed with {acknowledged} profiles acknowledged and {target['waiting']} waiting")
            self.assertGreaterEqual(self.count_requests(collector.store), acknowledged)
            collector = self.collector(store=collector.store, grpc_port=collector.grpc_port, http_port=collector.http_port)
            hits += target["waiting"] > 0
            if hits == 3:
                break
        self.assertEqual(hits, 3, "too few kills were in the middle of pushes")
        sonde.wait_until("for pushes after the last restart",
                         lambda: self.count_requests(collector.store) > acknowledged)
        self.assertEqual(agent.stop(), 0, agent.said())
        self.expect_gapless(self.expect_each_once(collector.store))

    def test_down_for_several_windows(self):
        port = sonde.free_port()
        agent = self.agent(f"127.0.0.1:{port}")
        began_ns = time.time_ns()
        sonde.wait_until("for windows to pile up", lambda: int(agent.status()["windows"]) >= 5)
        down = agent.status()
        self.assertFalse(down["healthy"])
        self.assertGreater(int(down["targets"][0]["waiting"]), 0)
        self.assertNotEqual(down["targets"][0]["last_error"], "")
        self.assertEqual(int(down["targets"][0]["sent"]), 0)
        collector = self.collector(grpc_port=port)
        sonde.wait_until("for a window after the pile", lambda: int(agent.status()["windows"]) >= 7)
        self.expect_all_sent(agent)
        sonde.wait_until(lambda: f"for a healthy agent: {agent.status()['problems']}",
                         lambda: agent.target()["waiting"] == 0 and not agent.status()["targets"][0]["last_error"])
        self.assertEqual(agent.stop(), 0, agent.said())
        profiles = self.expect_each_once(collector.store)
        windows = self.expect_gapless(profiles)
        self.assertGreaterEqual(len(windows), 7)
        self.assertLess(windows[0][0], began_ns, "the first window, which nobody could take at the time, is missing")

    def test_sums_are_what_was_sent(self):
        collector = self.collector()
        agent = self.agent(collector.grpc)
        sonde.wait_until("for three windows", lambda: int(agent.status()["windows"]) >= 3)
        # Between two windows the numbers of both sides stand still for a moment.
        sonde.wait_until("for both to agree", lambda: self.expect_all_sent(agent) == len(collector.profiles()))
        self.assertEqual(agent.stop(), 0, agent.said())
        profiles = self.expect_each_once(collector.store)
        self.expect_gapless(profiles)
        self.assertEqual({profile.kind for profile in profiles}, {"cpu", "offcpu", "wall", "faults", "wait_lengths"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
